"""Texts as token ids end to end, which is how the compiled metrics read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

HIGHEST_TOKEN = 2**31 - 1


@dataclass(frozen=True, eq=False)
class TokenTexts:
    """`tokens` (int32) of all texts end to end and `lengths` (int64) of each text; nothing spans two texts.

    Raises ValueError where the lengths do not cover the tokens, or a token is negative.
    """

    tokens: NDArray[np.int32]
    lengths: NDArray[np.int64]

    def __post_init__(self) -> None:
        if (self.lengths < 0).any() or int(self.lengths.sum()) != self.tokens.size:
            raise ValueError(f"The lengths sum to {self.lengths.sum()}, but there are {self.tokens.size} tokens.")
        if self.tokens.size and self.tokens.min() < 0:
            raise ValueError("A token id is negative; ids start at 0.")

    @classmethod
    def of(cls, texts: "Texts") -> Self:
        """From one sequence of token ids for each text. Raises ValueError for anything but whole numbers in int32."""
        if isinstance(texts, TokenTexts):
            return cls(texts.tokens, texts.lengths)
        parts = [_checked(text) for text in texts]
        tokens = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
        return cls(tokens, np.array([len(part) for part in parts], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Where each text begins, and where the last one ends: shape (texts + 1,)."""
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.lengths)])


Texts = TokenTexts | Sequence[Sequence[int] | NDArray[np.integer[Any]]] | NDArray[np.integer[Any]]


def _checked(text: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """The ids of one text as int32."""
    tokens = np.asarray(text)
    if tokens.ndim != 1:
        raise ValueError("A text is a sequence of token ids.")
    if tokens.size == 0:
        return np.zeros(0, dtype=np.int32)
    if tokens.dtype.kind not in "iu":
        raise ValueError("Token ids are whole numbers.")
    if tokens.max() > HIGHEST_TOKEN:
        raise ValueError(f"Token ids end at {HIGHEST_TOKEN}.")
    return tokens.astype(np.int32)
