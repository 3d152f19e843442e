"""How much of a text is said again: the share of its n-grams that stood in it before (Welleck et al., 2020)."""

from collections.abc import Sequence

LENGTH = 4


def repeated_share(tokens: Sequence[int], length: int = LENGTH) -> float:
    """Share of n-grams that repeat an earlier one of the same text, in [0, 1): 1 - distinct / all.

    Raises ValueError when there is no n-gram.

    >>> repeated_share([1, 2, 1, 2, 1], 2)
    0.5
    """
    ngrams = [tuple(tokens[start : start + length]) for start in range(len(tokens) - length + 1)]
    if not ngrams:
        raise ValueError(f"{len(tokens)} tokens hold no run of {length}.")
    return 1 - len(set(ngrams)) / len(ngrams)
