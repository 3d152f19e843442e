"""Type-token ratio: how little a text repeats itself (paper s3, A.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LENGTH = 96


@dataclass(frozen=True)
class Window:
    """Generated tokens `start` (0-based) up to but not including `stop`, the context not counted."""

    name: str
    start: int
    stop: int

    def __str__(self) -> str:
        return f"{self.name}: generated tokens {self.start + 1}-{self.stop}"


# Table 1 takes the last 96 tokens of what the scenario shows.
SCENARIO_WINDOWS = {
    128: Window("last 96 at 128", 0, 96),
    256: Window("last 96 at 256", 128, 224),
}


def type_token_ratio(tokens: Sequence[int]) -> float:
    """Share of distinct tokens among all tokens, in (0, 1]; 1 means no repetition (paper s3).

    Raises ValueError for an empty sequence, where the ratio is undefined.

    >>> type_token_ratio([7, 7, 8, 9])
    0.75
    """
    if len(tokens) == 0:
        raise ValueError("The type-token ratio of no tokens is undefined.")
    return len(set(tokens)) / len(tokens)


def windowed_ttr(tokens: Sequence[int], window: Window) -> float:
    """Type-token ratio of a window of the generated tokens.

    Raises ValueError when the sequence ends before the window does: ratios of different lengths do not compare.
    """
    if len(tokens) < window.stop:
        raise ValueError(f"{len(tokens)} tokens are too few for the window {window}.")
    return type_token_ratio(tokens[window.start : window.stop])


def sliding_ttr(tokens: Sequence[int], length: int = LENGTH) -> NDArray[np.float64]:
    """Type-token ratio of the latest `length` tokens at each position from `length` on (Fig. 9 right).

    Shape (n - length + 1,); empty when there are fewer than `length` tokens. A token counts as new in a window when its
    previous occurrence lies before the window: the sum over windows is a difference of two running counts.
    Raises ValueError unless length is positive.
    """
    if length < 1:
        raise ValueError("The window has to hold at least one token.")
    positions = len(tokens) - length + 1
    if positions < 1:
        return np.empty(0)
    last_seen: dict[int, int] = {}
    starts = np.zeros(positions + 1)
    for position, token in enumerate(tokens):
        # this occurrence is the first of its token in the windows that start after the previous one, up to here
        first = max(last_seen.get(token, -1) + 1, position - length + 1)
        last = min(position, positions - 1)
        if first <= last:
            starts[first] += 1
            starts[last + 1] -= 1
        last_seen[token] = position
    return np.cumsum(starts[:-1]) / length
