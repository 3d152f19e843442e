"""Type-token ratio: how little a text repeats itself (paper s3, A.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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


# Table 2, Fig. 2 and 5: the first 96 tokens; Tables 1 and 6 and Fig. 9: the last 96 of what the scenario shows.
FIRST_96 = Window("first 96", 0, 96)
SCENARIO_WINDOWS = {
    128: Window("last 96 at 128", 0, 96),
    256: Window("last 96 at 256", 128, 224),
}
WINDOWS = (FIRST_96, *SCENARIO_WINDOWS.values())


def image_windows(generated: int) -> dict[int, Window]:
    """The windows of an image that is completed by so many pixels: the first and the last 96, or all where fewer.

    >>> str(image_windows(768)[256]), str(image_windows(48)[256])
    ('last 96 of an image: generated tokens 673-768', 'last 96 of an image: generated tokens 1-48')
    """
    return {
        128: Window("first 96 of an image", 0, min(LENGTH, generated)),
        256: Window("last 96 of an image", max(0, generated - LENGTH), generated),
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
    row = np.asarray(tokens, dtype=np.int64).reshape(1, -1)
    ratios: NDArray[np.float64] = sliding_ttr_of_rows(row, length)[0]
    return ratios


def sliding_ttr_of_rows(tokens: NDArray[np.integer[Any]], length: int = LENGTH) -> NDArray[np.float64]:
    """`sliding_ttr` of many sequences of one length: shape (sequences, n) to (sequences, n - length + 1).

    Raises ValueError for anything but two dimensions, or unless length is positive.
    """
    if length < 1:
        raise ValueError("The window has to hold at least one token.")
    if tokens.ndim != 2:
        raise ValueError("Sequences of one length form an array of shape (sequences, tokens).")
    count, n = tokens.shape
    positions = n - length + 1
    if positions < 1 or count == 0:
        return np.empty((count, max(positions, 0)))
    at = np.arange(n)
    # the first of its token in the windows that start after its previous occurrence, up to here
    first = np.maximum(_previous_occurrence(tokens) + 1, at - length + 1)
    last = np.broadcast_to(np.minimum(at, positions - 1), first.shape)
    row, column = np.nonzero(first <= last)
    width = positions + 1
    edges = np.bincount(row * width + first[row, column], minlength=count * width)
    edges -= np.bincount(row * width + last[row, column] + 1, minlength=count * width)
    distinct: NDArray[np.int64] = np.cumsum(edges.reshape(count, width)[:, :-1], axis=1)
    return distinct / length


def _previous_occurrence(tokens: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Index in the row where each token stood last before, -1 where it is new; shape of `tokens`."""
    order = np.argsort(tokens, axis=1, kind="stable")
    ordered = np.take_along_axis(tokens, order, axis=1)
    previous_in_order = np.full(tokens.shape, -1, dtype=np.int64)
    same = ordered[:, 1:] == ordered[:, :-1]
    previous_in_order[:, 1:][same] = order[:, :-1][same]
    previous = np.empty_like(previous_in_order)
    np.put_along_axis(previous, order, previous_in_order, axis=1)
    return previous
