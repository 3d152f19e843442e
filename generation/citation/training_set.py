"""The token sequences that a citation-blocked system may not repeat."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Samples end to end: `tokens` (int32) of all of them, `lengths` (int64) of each; nothing spans two samples."""

    tokens: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        """Raise ValueError where the lengths do not cover the tokens, or a token is negative."""
        if int(self.lengths.sum()) != self.tokens.size or (self.lengths < 0).any():
            raise ValueError(
                f"The samples' lengths sum to {self.lengths.sum()}, but there are {self.tokens.size} tokens."
            )
        if self.tokens.size and self.tokens.min() < 0:
            raise ValueError("A training set holds a negative token id; ids start at 0.")

    @classmethod
    def from_samples(cls, samples: Sequence[Sequence[int]] | npt.NDArray[np.integer[Any]]) -> Self:
        """From one list of token ids per sample, or a [samples, length] array."""
        lengths = np.array([len(sample) for sample in samples], dtype=np.int64)
        if isinstance(samples, np.ndarray):
            return cls(samples.reshape(-1).astype(np.int32), lengths)
        parts = [np.asarray(sample, dtype=np.int32) for sample in samples]
        return cls(np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32), lengths)

    @cached_property
    def sha256(self) -> str:
        """Identity of the training set: its tokens and where samples begin."""
        digest = hashlib.sha256(self.lengths.astype("<i8").tobytes())
        digest.update(np.ascontiguousarray(self.tokens, dtype="<i4").data)
        return digest.hexdigest()
