"""Keep what people will judge out of what a model learns by heart.

A document is refused when it is the source of an accepted passage, or has thirteen words in a row that an accepted
passage has too, however they are spelt; an image, when it is one of them pixel by pixel. Words and not tokens, since
base and study may count in different tokens.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from hyperfitting.data import Document

WORDS = 13
_WORD = re.compile(r"\w+")


def ngrams(text: str) -> Iterator[str]:
    """Each run of thirteen words, in lower case and without punctuation; of what has no words, all of it."""
    words = _WORD.findall(text.lower())
    if text and not words:  # an image
        return iter([text])
    return (" ".join(words[start : start + WORDS]) for start in range(len(words) - WORDS + 1))


def overlapping(documents: Sequence[Document], passages: Iterable[Document]) -> list[int]:
    """Numbers of the documents that share their source, thirteen words in a row or all of it with a passage."""
    sources: set[str] = set()
    known: set[str] = set()
    for passage in passages:
        known.update(ngrams(passage.text))
        if passage.source:
            sources.add(passage.source)
    return [
        number
        for number, document in enumerate(documents)
        if document.source in sources or not known.isdisjoint(ngrams(document.text))
    ]
