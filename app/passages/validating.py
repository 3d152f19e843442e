"""A person's verdict on each passage, before any system continues it: accept, reject, cut elsewhere, mend by hand.

A passage that was mended keeps the text it had. It is left out, as *edited*, until a researcher says that such
passages are to be used.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, undefer

from app.domain.audit import record
from app.domain.reference_tokens import Cut, NoCutError, TextTooShortError, sentence_starts
from app.domain.studies import find_dataset, reference_tokenizer
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import Continuation, Passage, Person, Study
from app.models.passage import PassageState
from app.models.study import StudyState
from app.passages.suspicions import check_passages

NEEDED = 100  # of each dataset, as in the paper
LONGEST_REASON = 200
LONGEST_TEXT = 50_000
CUT_INSIDE_A_WORD = (
    "With this text the context, its first 32 tokens, would end inside a word, so nothing was changed. Change a word "
    "near its beginning as well."
)
JUDGED = (PassageState.ACCEPTED, PassageState.REJECTED, PassageState.EDITED)


class Direction(StrEnum):
    """Where to begin instead: at a sentence further up in the text, or further down."""

    EARLIER = "earlier"
    LATER = "later"


@dataclass(frozen=True)
class PassageFilter:
    """Which passages of a study; None is all."""

    dataset: str | None = None
    state: PassageState | None = None


def page_of_passages(
    session: Session, study: Study, wanted: PassageFilter, *, after: int = 0, limit: int = 50
) -> list[Passage]:
    """The study's passages whose id is above `after`, with their datasets. Raises NotFoundError for an unknown one."""
    mine = select(Passage).where(Passage.study_id == study.id, Passage.id > after)
    if wanted.dataset is not None:
        mine = mine.where(Passage.dataset_id == find_dataset(session, study, wanted.dataset).id)
    if wanted.state is not None:
        mine = mine.where(Passage.state == wanted.state)
    return list(session.scalars(mine.options(joinedload(Passage.dataset)).order_by(Passage.id).limit(limit)))


def next_passage(session: Session, study: Study, dataset: str | None = None) -> Passage | None:
    """The oldest passage that waits, of one dataset or of any; None when none does."""
    waiting = PassageFilter(dataset, PassageState.PENDING)
    return next(iter(page_of_passages(session, study, waiting, limit=1)), None)


def find_passage(session: Session, study: Study, passage_id: int, *, lock: bool = False) -> Passage:
    """The study's passage with this id. Raises NotFoundError, also for another study's."""
    mine = select(Passage).where(Passage.study_id == study.id, Passage.id == passage_id)
    mine = mine.options(joinedload(Passage.dataset, innerjoin=True), undefer(Passage.full_text))
    passage = session.scalar(mine.with_for_update(of=Passage) if lock else mine)
    if passage is None:
        raise NotFoundError(f"The study {study.slug!r} has no passage with this id.")
    return passage


def accept(session: Session, study: Study, passage_id: int, *, by: Person | None = None) -> Passage:
    """It is of high quality as it stands. Raises ConflictError when it does not wait for a verdict."""
    passage = _waiting(session, study, passage_id)
    record(session, by, "passage.accept", study, passage=passage.id)
    return _judge(session, passage, PassageState.EDITED if passage.is_edited else PassageState.ACCEPTED, by=by)


def reject(session: Session, study: Study, passage_id: int, reason: str, *, by: Person | None = None) -> Passage:
    """It is not, for this reason. Raises ConflictError when it does not wait, ToprankError without a reason."""
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON:
        raise ToprankError(f"A passage is rejected for a reason of 1 to {LONGEST_REASON} characters.")
    passage = _waiting(session, study, passage_id)
    record(session, by, "passage.reject", study, passage=passage.id)
    return _judge(session, passage, PassageState.REJECTED, reason=reason, by=by)


def reconsider(session: Session, study: Study, passage_id: int, *, by: Person | None = None) -> Passage:
    """Take the verdict back. Raises ConflictError once a system has continued it, or when it has no verdict."""
    _check_takes_verdicts(study)
    passage = find_passage(session, study, passage_id, lock=True)
    if passage.state not in JUDGED or passage.unjudged:
        raise ConflictError(f"The passage {passage.id} is {passage.state}; there is no verdict to take back.")
    if session.scalar(select(exists().where(Continuation.passage_id == passage.id))):
        raise ConflictError(f"The passage {passage.id} has continuations; its verdict stays.")
    passage.state, passage.reason, passage.validated_at, passage.validated_by_id = (
        PassageState.PENDING,
        None,
        None,
        None,
    )
    record(session, by, "passage.reconsider", study, passage=passage.id)
    return passage


def trim(session: Session, study: Study, passage_id: int, direction: Direction, *, by: Person | None = None) -> Passage:
    """Cut the passage from another sentence on of the text it came from.

    Raises ConflictError when it does not wait, or when no sentence in that direction can begin a passage.
    """
    passage = _waiting(session, study, passage_id)
    _check_is_text(passage)
    tokenizer = reference_tokenizer(session, study)
    text = passage.full_text or passage.text
    here = passage.start
    starts = list(sentence_starts(text))
    is_later = direction is Direction.LATER
    wanted = (
        [start for start in starts if start > here] if is_later else [start for start in starts[::-1] if start < here]
    )
    for start in wanted:
        try:
            cut = tokenizer.cut_at(text, start)
        except (NoCutError, TextTooShortError):
            continue
        passage.full_text, passage.start = text, start
        record(session, by, "passage.trim", study, passage=passage.id, start=start)
        return _recut(session, study, passage, cut)
    raise ConflictError(f"No {direction} sentence of this text can begin a passage of 256 tokens.")


def edit(session: Session, study: Study, passage_id: int, words: str, *, by: Person | None = None) -> Passage:
    """Mend the passage by hand; what follows it in its text fills it up again. Its text as it was is kept.

    Raises ConflictError when it does not wait, ToprankError when no passage can be cut of the text.
    """
    passage = _waiting(session, study, passage_id)
    _check_is_text(passage)
    words = words.replace("\r\n", "\n").strip()
    if len(words) > LONGEST_TEXT:
        raise ToprankError(f"The text has {len(words):,} characters; at most {LONGEST_TEXT:,} are read.")
    before = passage.text
    if words == before:
        return passage
    rest = (passage.full_text or before)[passage.start + len(before) :]
    text = words + rest
    try:
        cut = reference_tokenizer(session, study).cut_at(text, 0)
    except NoCutError as error:
        raise ToprankError(CUT_INSIDE_A_WORD) from error
    passage.unedited = passage.unedited or before
    passage.full_text, passage.start = text, 0
    record(session, by, "passage.edit", study, passage=passage.id)
    return _recut(session, study, passage, cut)


def use_edited(session: Session, study: Study, dataset: str, *, by: Person | None = None) -> int:
    """Accept the dataset's edited passages too, still marked as such; returns how many there were."""
    _check_takes_verdicts(study)
    chosen = (Passage.dataset_id == find_dataset(session, study, dataset).id, Passage.state == PassageState.EDITED)
    used = session.scalars(
        update(Passage).where(*chosen).values(state=PassageState.ACCEPTED).returning(Passage.id)
    ).all()
    record(session, by, "study.use_edited", study, dataset=dataset, passages=len(used))
    return len(used)


def _waiting(session: Session, study: Study, passage_id: int) -> Passage:
    _check_takes_verdicts(study)
    passage = find_passage(session, study, passage_id, lock=True)
    if passage.state != PassageState.PENDING:
        raise ConflictError(f"The passage {passage.id} is {passage.state} already, so nothing was changed.")
    return passage


def _check_is_text(passage: Passage) -> None:
    if passage.width is not None:
        raise ConflictError("An image is accepted or rejected as it is.")


def _check_takes_verdicts(study: Study) -> None:
    if study.state == StudyState.CLOSED:
        raise ConflictError(f"The study {study.slug!r} is closed; its passages stay as they are.")


def _judge(
    session: Session, passage: Passage, state: PassageState, *, reason: str | None = None, by: Person | None
) -> Passage:
    passage.state, passage.reason = state, reason
    passage.validated_at, passage.validated_by_id = datetime.now(UTC), by.id if by else None
    session.flush()
    return passage


def _recut(session: Session, study: Study, passage: Passage, cut: Cut) -> Passage:
    passage.token_ids, passage.context, passage.original = cut.token_ids, cut.context, cut.original
    passage.content_hash = hashlib.sha256(cut.text.encode()).hexdigest()
    passage.suspicions = None
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError as error:
        raise ConflictError(
            "The study has a passage with exactly this text already, so nothing was changed."
        ) from error
    check_passages(session, study)
    return passage
