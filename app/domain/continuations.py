"""What a system wrote enters the study: its metrics, its comparisons, and their release to annotators.

Lock order: the study, then comparisons. Recording locks the study's row first, so that two workers of one study never
wait for each other crosswise and dense numbers have no gaps; annotators, who lock no study, do not wait.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.domain.reference_tokens import CONTEXT_TOKENS, ReferenceTokenizer
from app.domain.shown_text import shown
from app.domain.study_lock import lock_study
from app.errors import ToprankError
from app.models import Candidacy, Comparison, Continuation, Passage, Study, System
from app.models.study import Release
from metrics.ttr import SCENARIO_WINDOWS, image_windows, windowed_ttr


class ContinuationTooShortError(ToprankError):
    """A continuation has fewer tokens than the study compares."""

    def __init__(self, system: System, tokens: int, needed: int) -> None:
        super().__init__(
            f"A continuation by {system.name} has {tokens} reference tokens; {needed} are compared. "
            "Nothing of it was kept."
        )


class Written(NamedTuple):
    """A continuation as an engine gives it: the system's own token ids, and their text after the context."""

    token_ids: Sequence[int]
    text: str
    eos_position: int | None
    engine: str
    citation_matches: int | None = None
    citation_blocks: int | None = None


class Shown(NamedTuple):
    """Both texts of a comparison as annotators see them."""

    candidate: str
    reference: str

    @property
    def texts_hash(self) -> str:
        """Names the pair: systems that wrote the same share the comparison and its annotations."""
        return hashlib.sha256("\x00".join(self).encode()).hexdigest()


def record_continuation(
    session: Session,
    written: Written,
    *,
    system: System,
    passage: Passage,
    reference: ReferenceTokenizer,
    own_tokens_are_reference: bool,
) -> bool:
    """Keep a continuation with its metrics and put it into its comparisons; False when the system has one already.

    One of an unjudged passage enters no comparison.

    TTR is over the generated ids where the system's tokens are the study's reference tokens, else over the reference
    ids of its text. Raises ContinuationTooShortError.
    """
    study = lock_study(session, system.study_id)
    # A database text cannot hold a zero byte, which a model is free to write.
    written = written._replace(text=written.text.replace("\x00", "\ufffd"))
    counted = written.token_ids if own_tokens_are_reference else reference.ids_after(passage.context, written.text)
    if len(counted) < passage.continuation_tokens:
        raise ContinuationTooShortError(system, len(counted), passage.continuation_tokens)
    continuation_id = _insert_continuation(session, written, system=system, passage=passage, counted=counted)
    if continuation_id is None:
        return False
    if passage.unjudged:
        return True
    for scenario in sorted(system.scenarios):
        sides = shown_sides(passage, written.text, scenario=scenario, reference=reference)
        comparison_id = _find_or_make_comparison(session, sides, study=study, passage=passage, scenario=scenario)
        session.add(Candidacy(continuation_id=continuation_id, scenario=scenario, comparison_id=comparison_id))
    session.flush()
    return True


def shown_sides(passage: Passage, continuation: str, *, scenario: int, reference: ReferenceTokenizer) -> Shown:
    """A continuation and the original, cut to the scenario's length and normalised alike; images are as they are."""
    if passage.width is not None:
        return Shown(continuation, passage.original)
    tokens = scenario - CONTEXT_TOKENS
    candidate, original = (
        shown(reference.clip(passage.context, side, tokens)) for side in (continuation, passage.original)
    )
    return Shown(candidate, original)


# Those not yet numbered, of accepted passages; in a complete release, only where no system's continuation is missing.
_RELEASE = """
WITH ready AS (
    SELECT c.id, row_number() OVER (ORDER BY c.id) AS nth
    FROM comparison c JOIN passage p ON p.id = c.passage_id
    WHERE c.study_id = :study AND c.kind = 'study' AND c.number IS NULL AND p.state = 'accepted' {condition}
), numbered AS (
    UPDATE comparison c SET number = :comparisons + ready.nth FROM ready WHERE c.id = ready.id RETURNING 1
)
SELECT count(*) FROM numbered
"""
_COMPLETE = """AND NOT EXISTS (
        SELECT FROM system s WHERE s.study_id = :study AND NOT EXISTS (
            SELECT FROM continuation w WHERE w.system_id = s.id AND w.passage_id = c.passage_id))"""
_RELEASES = {
    Release.AS_READY: text(_RELEASE.format(condition="")),
    Release.COMPLETE: text(_RELEASE.format(condition=_COMPLETE)),
}


def release(session: Session, study: Study) -> int:
    """Give what may be judged its dense number, which makes it drawable; returns how many comparisons are new.

    What was released stays so, whatever systems join the study later.
    """
    study = lock_study(session, study.id)
    session.flush()
    released: int = session.execute(
        _RELEASES[study.release], {"study": study.id, "comparisons": study.comparisons}
    ).scalar_one()
    study.comparisons += released
    session.flush()
    return released


def _insert_continuation(
    session: Session, written: Written, *, system: System, passage: Passage, counted: Sequence[int]
) -> int | None:
    windows = SCENARIO_WINDOWS if passage.width is None else image_windows(passage.continuation_tokens)
    statement = insert(Continuation).values(
        study_id=system.study_id,
        system_id=system.id,
        passage_id=passage.id,
        token_ids=list(written.token_ids),
        text=written.text,
        eos_position=written.eos_position,
        engine=written.engine,
        citation_matches=written.citation_matches,
        citation_blocks=written.citation_blocks,
        ttr_128=windowed_ttr(counted, windows[128]),
        ttr_256=windowed_ttr(counted, windows[256]),
    )
    return session.scalars(statement.on_conflict_do_nothing().returning(Continuation.id)).one_or_none()


_SAME_TEXTS = select(Comparison.id).where(
    Comparison.passage_id == bindparam("passage"),
    Comparison.scenario == bindparam("scenario"),
    Comparison.kind == "study",
    Comparison.texts_hash == bindparam("texts_hash"),
)


def _find_or_make_comparison(
    session: Session, sides: Shown, *, study: Study, passage: Passage, scenario: int
) -> int | None:
    """None when both texts are the same: the system recalled the original, and nobody could prefer either."""
    if sides.candidate == sides.reference:
        return None
    key = {"passage": passage.id, "scenario": scenario, "texts_hash": sides.texts_hash}
    found = session.scalars(_SAME_TEXTS, key).one_or_none()
    if found is not None:
        return found
    made = Comparison(
        study_id=study.id,
        passage_id=passage.id,
        scenario=scenario,
        quota=study.quota,
        candidate_text=sides.candidate,
        reference_text=sides.reference,
        texts_hash=sides.texts_hash,
    )
    session.add(made)
    session.flush()
    return made.id
