"""How repetitive each token of a text is: by the longest run that ends in it and stood in the text before."""

from collections.abc import Hashable, Sequence

# A run of this many tokens or more: nothing new, one word again, a phrase, a clause, a loop.
LEVELS = (0, 1, 2, 4, 8)


def repeated_runs(tokens: Sequence[Hashable]) -> list[int]:
    """For each token, how many tokens up to it have stood in the same order before; 0 for a token that is new.

    The earlier run may overlap the later one, as it does in a loop. Quadratic, for texts of a few hundred tokens.

    >>> repeated_runs(["a", "b", "c", "a", "b", "d"])
    [0, 0, 0, 1, 2, 0]
    """
    longest = [0] * len(tokens)
    # runs[j]: length of the run that ends in tokens j and the one before `at` alike
    runs = [0] * len(tokens)
    for at, token in enumerate(tokens):
        previous = runs.copy()
        for earlier in range(at):
            runs[earlier] = (previous[earlier - 1] if earlier else 0) + 1 if tokens[earlier] == token else 0
            longest[at] = max(longest[at], runs[earlier])
    return longest


def level(run: int) -> int:
    """The strength of colour for a run: the number of the highest level that it reaches.

    >>> [level(run) for run in (0, 1, 3, 4, 20)]
    [0, 1, 2, 3, 4]
    """
    return max(number for number, least in enumerate(LEVELS) if run >= least)
