"""A reader of the training set that is slow and plain: the oracle of the citation blocker's tests."""

from collections.abc import Sequence

from tokenizers import Tokenizer

from generation.citation.boundaries import is_word_boundary


def is_boundary(tokenizer: Tokenizer, left: int, right: int) -> bool:
    """The definition, read off two decoded texts; special tokens stand outside of words."""
    special = {token for token, added in tokenizer.get_added_tokens_decoder().items() if added.special}
    if {left, right} & special:
        return True
    before = tokenizer.decode([left], skip_special_tokens=False)
    return is_word_boundary(before, tokenizer.decode([left, right], skip_special_tokens=False))


def followers(samples: Sequence[Sequence[int]], recent: Sequence[int]) -> set[int] | None:
    """Every token that follows an occurrence of the five tokens, a word boundary or not; None if they never occur."""
    found: set[int] | None = None
    for sample in samples:
        for start in range(len(sample) - 4):
            if list(sample[start : start + 5]) == list(recent):
                found = (found or set()) | set(sample[start + 5 : start + 6])
    return found


def banned_after(tokenizer: Tokenizer, samples: Sequence[Sequence[int]], recent: Sequence[int]) -> set[int]:
    """The tokens that may not come after the five."""
    found = followers(samples, recent) or set()
    return {token for token in found if is_boundary(tokenizer, recent[-1], token)}
