"""The clipped matches of the orders 2, 3 and 4 in one integer, so that one addition keeps all three of them."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from metrics.ngrams import NONE
from metrics.token_texts import TokenTexts

BITS = 20
LONGEST = (1 << BITS) - 1


def check_lengths(texts: TokenTexts) -> None:
    """Raise ValueError where a text is empty, or longer than a packed count can hold."""
    if texts.lengths.min() == 0:
        raise ValueError(f"BLEU of an empty text is undefined: text {int(texts.lengths.argmin())} has no tokens.")
    if texts.lengths.max() > LONGEST:
        raise ValueError(f"A text of {texts.lengths.max()} tokens is too long for BLEU; the most is {LONGEST}.")


@njit(cache=True)
def list_room(features: NDArray[np.int32], feature_count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the list of each feature of order 2-4 begins, shape (features + 1,), and a copy to count up as it fills."""
    room = np.zeros(feature_count + 1, dtype=np.int64)
    for begin in range(len(features)):
        for feature in features[begin, 1:]:
            if feature != NONE:
                room[feature + 1] += 1
    room = np.cumsum(room)
    return room, room.copy()


@njit(cache=True)
def unpack(matches: int) -> tuple[int, int, int]:
    """Matches of the orders 2, 3 and 4."""
    return matches & LONGEST, (matches >> BITS) & LONGEST, matches >> (2 * BITS)
