"""What looks wrong about a passage before anybody reads it: for the validator's eye, never a verdict.

Each check is a pure function of texts; `check_passages` keeps what they find beside the passages that wait.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.training_sets import training_set
from app.models import Dataset, Passage, Study
from app.models.passage import PassageState
from app.models.study import Modality

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# Phrases of pages rather than of prose, and addresses.
_BOILERPLATE = re.compile(
    r"https?://|www\.\w|\ball rights reserved\b|©|\bcookie(?:s| policy)\b|\bprivacy policy\b"
    r"|\bterms of (?:use|service)\b|\bclick here\b|\bsubscribe\b|\bsign up\b|\blog in\b"
    r"|\bnewsletter\b|\bread more\b|\bshare this\b|\bfollow us\b|\badvertisement\b|\bISBN\b"
    r"|\bproject gutenberg\b|\bthis article is a stub\b",
    re.IGNORECASE,
)
# Of English prose, these are four words in ten; of other languages hardly one.
_COMMON_WORDS = (
    "the of and to a in that it is was i for on you he be with as by at have are this not but had his they "
    "from she which or we an there were their been has when who will no more if out so up said what its about "
    "than into them can only other time new some could these may first then do any my now such like our over "
    "man me even most made after also did many off must her him your would all one"
)
_COMMON = frozenset(_COMMON_WORDS.split())
LEAST_COMMON = 0.2
REPEATED_RUN = 4
MOST_REPEATED = 0.2
RUN = 5
MOST_SHARED = 0.3
TRAINING_RUN = 13  # as where texts to train on are held against passages


class Suspicion(StrEnum):
    """What a check found."""

    BOILERPLATE = "boilerplate"
    REPETITION = "repetition"
    NOT_ENGLISH = "not_english"
    NEAR_DUPLICATE = "near_duplicate"
    TRAINING_OVERLAP = "training_overlap"
    ONE_COLOUR = "one_colour"


def words_of(text: str) -> list[str]:
    """Words in lower case, without digits and punctuation.

    >>> words_of("It's 9 o'clock, she said.")
    ["it's", "o'clock", 'she', 'said']
    """
    return [word.lower() for word in _WORD.findall(text)]


def runs(words: list[str], length: int) -> Iterator[tuple[str, ...]]:
    """Every run of so many words."""
    return zip(*(words[start:] for start in range(length)), strict=False)


def is_boilerplate(text: str) -> bool:
    """Whether the text has a phrase of web pages or book covers, or an address."""
    return _BOILERPLATE.search(text) is not None


def is_repetitive(words: list[str]) -> bool:
    """Whether more than a fifth of the runs of four words have stood in the text before."""
    counts = Counter(runs(words, REPEATED_RUN))
    repeated = sum(counts.values()) - len(counts)
    return repeated > MOST_REPEATED * sum(counts.values()) > 0


def is_not_english(words: list[str]) -> bool:
    """Whether less than a fifth of the words are among the hundred most common of English; also without any word."""
    return sum(word in _COMMON for word in words) <= LEAST_COMMON * len(words)


def nearest(mine: set[tuple[str, ...]], others: Mapping[tuple[str, ...], set[int]], own_id: int) -> int | None:
    """The other passage that shares most runs of five words, if it is more than three in ten."""
    shared = Counter(other for run in mine for other in others.get(run, ()) if other != own_id)
    found = max(shared.items(), key=lambda pair: (pair[1], -pair[0]), default=None)
    return found[0] if found and found[1] > MOST_SHARED * len(mine) else None


def check_passages(session: Session, study: Study, *, again: bool = False) -> int:
    """Check the passages that wait and were not checked before, or all that wait; returns how many were."""
    waiting = select(Passage).join(Dataset).where(Passage.study_id == study.id, Passage.state == PassageState.PENDING)
    if not again:
        waiting = waiting.where(Passage.suspicions.is_(None))
    passages = list(session.scalars(waiting.order_by(Passage.id).with_for_update(of=Passage)))
    if study.modality is Modality.IMAGE:
        learned_images = _training_texts(session, study) if passages else frozenset()
        for passage in passages:
            passage.suspicions = _suspicions_of_image(passage, learned_images)
    elif passages:
        known, learned = _runs_of(session, study), _training_runs(session, study)
        for passage in passages:
            passage.suspicions = _suspicions(passage, known, learned)
    session.flush()
    return len(passages)


def _suspicions_of_image(passage: Passage, learned: Collection[str]) -> list[str]:
    """An image has no words; what can be told is whether anything is on it, and whether a system learned it."""
    found = {
        Suspicion.ONE_COLOUR: len(set(passage.token_ids)) == 1,
        Suspicion.TRAINING_OVERLAP: passage.text in learned,
    }
    return [str(suspicion) for suspicion, is_so in found.items() if is_so]


def _suspicions(
    passage: Passage, known: Mapping[tuple[str, ...], set[int]], learned: set[tuple[str, ...]]
) -> list[str]:
    text = passage.context + passage.original
    words = words_of(text)
    other = nearest(set(runs(words, RUN)), known, passage.id)
    found = {
        Suspicion.BOILERPLATE: is_boilerplate(text),
        Suspicion.REPETITION: is_repetitive(words),
        Suspicion.NOT_ENGLISH: is_not_english(words),
        Suspicion.TRAINING_OVERLAP: not learned.isdisjoint(runs(words, TRAINING_RUN)),
    }
    duplicate = [] if other is None else [f"{Suspicion.NEAR_DUPLICATE}:{other}"]
    return [str(suspicion) for suspicion, is_so in found.items() if is_so] + duplicate


def _runs_of(session: Session, study: Study) -> dict[tuple[str, ...], set[int]]:
    """Every run of five words in the study's passages that people judge, with those it stands in."""
    judged = select(Passage.id, Passage.context, Passage.original).where(
        Passage.study_id == study.id, ~Passage.unjudged, Passage.state != PassageState.REJECTED
    )
    known: dict[tuple[str, ...], set[int]] = {}
    for passage_id, context, original in session.execute(judged):
        for run in runs(words_of(context + original), RUN):
            known.setdefault(run, set()).add(passage_id)
    return known


def _training_runs(session: Session, study: Study) -> set[tuple[str, ...]]:
    return {run for text in _training_texts(session, study) for run in runs(words_of(text), TRAINING_RUN)}


def _training_texts(session: Session, study: Study) -> frozenset[str]:
    learned = training_set(session, study)
    return frozenset(learned.texts) if learned else frozenset()
