"""Texts that are plainly worse than another, for comparisons whose answer nobody can argue about."""

import random

from app.models.taking_part import Fault


def with_fault(text: str, fault: Fault, *, other: str, seed: int) -> str:
    """The text with the fault: its words shuffled, another text in its place, a few words over and over, or as it is.

    Always about as long as the text, so that length tells nothing.

    >>> with_fault("one two three four", Fault.SAME, other="", seed=0)
    'one two three four'
    """
    if fault == Fault.SHUFFLED:
        return shuffled(text, seed=seed)
    if fault == Fault.FOREIGN:
        return of_length(other, len(text.split()))
    return looped(text) if fault == Fault.LOOP else text


def shuffled(text: str, *, seed: int) -> str:
    """The same words in a random order, never in their own; a text of one word stays as it is.

    >>> sorted(shuffled("a b c", seed=1).split()), shuffled("a b c", seed=1) == "a b c"
    (['a', 'b', 'c'], False)
    """
    words = text.split()
    order = words[:]
    draw = random.Random(seed)  # noqa: S311 no secret hangs on it
    while order == words and len(set(words)) > 1:
        draw.shuffle(order)
    return " ".join(order)


def looped(text: str, words: int = 8) -> str:
    """The text's first words over and over, as often as it is long.

    >>> looped("one two three four five", words=2)
    'one two one two one'
    """
    beginning = text.split()[:words]
    return of_length(" ".join(beginning), len(text.split()))


def of_length(text: str, words: int) -> str:
    """The first `words` words of the text, which begins again when it is too short."""
    own = text.split() or [""]
    return " ".join(own[place % len(own)] for place in range(words))
