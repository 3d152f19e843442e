"""What stands between an annotator and a study's first comparison, in the order in which it is asked."""

from datetime import timedelta
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.errors import ConflictError
from app.models import Consent, GuidelinesReading, Study
from app.wording import N_

CHANGED_MEANWHILE = N_("This was changed while you read it, so nothing was saved. Read the new version, please.")


class Step(StrEnum):
    """A page that comes before the first comparison; also the last part of its address."""

    CONSENT = "consent"
    ENGLISH = "english"
    GUIDELINES = "guidelines"
    QUALIFICATION = "qualification"


# Each part is only looked up where the study asks for it.
_MISSING = text("""
SELECT CASE
    WHEN s.consent_version > 0 AND NOT EXISTS (
        SELECT FROM consent c WHERE c.study_id = s.id AND c.annotator_id = :annotator AND c.version = s.consent_version)
    THEN 'consent'
    WHEN s.asks_english AND NOT EXISTS (SELECT FROM english_check e WHERE e.annotator_id = :annotator)
    THEN 'english'
    WHEN s.guidelines_first AND NOT EXISTS (
        SELECT FROM guidelines_reading g
        WHERE g.study_id = s.id AND g.annotator_id = :annotator AND g.version = s.guidelines_version)
    THEN 'guidelines'
    WHEN s.pass_mark > 0 AND NOT EXISTS (
        SELECT FROM qualification q WHERE q.study_id = s.id AND q.annotator_id = :annotator AND q.passed)
    THEN 'qualification'
END FROM study s WHERE s.id = :study
""")


def missing_step(session: Session, study: Study, annotator_id: int) -> Step | None:
    """The first thing that the study asks for and the annotator has not done; None when they may judge.

    A study that asks for nothing costs no query.
    """
    if not (study.consent_version or study.asks_english or study.guidelines_first or study.pass_mark):
        return None
    missing: str | None = session.execute(_MISSING, {"study": study.id, "annotator": annotator_id}).scalar_one()
    return Step(missing) if missing else None


def asked_steps(study: Study) -> list[Step]:
    """What the study asks for, in order."""
    asked = {
        Step.CONSENT: study.consent_version > 0,
        Step.ENGLISH: study.asks_english,
        Step.GUIDELINES: study.guidelines_first,
        Step.QUALIFICATION: study.pass_mark > 0,
    }
    return [step for step, is_asked in asked.items() if is_asked]


def give_consent(session: Session, study: Study, annotator_id: int, *, version: int) -> None:
    """Keep that the annotator agreed to this version, once. Raises ConflictError when it is not the present one."""
    if version != study.consent_version or version == 0:
        raise ConflictError(CHANGED_MEANWHILE)
    agreed = insert(Consent).values(study_id=study.id, annotator_id=annotator_id, version=version)
    session.execute(agreed.on_conflict_do_nothing())


def note_reading(session: Session, study: Study, annotator_id: int, *, version: int, took: timedelta) -> None:
    """Keep that the annotator read these guidelines; the time counts up to the pause limit.

    Raises ConflictError when the guidelines were changed meanwhile.
    """
    if version != study.guidelines_version:
        raise ConflictError(CHANGED_MEANWHILE)
    longest = timedelta(seconds=study.pause_seconds)
    duration_ms = max(timedelta(), min(took, longest)) // timedelta(milliseconds=1)
    reading = insert(GuidelinesReading).values(
        study_id=study.id, annotator_id=annotator_id, version=version, duration_ms=duration_ms
    )
    session.execute(reading.on_conflict_do_nothing())


def has_read_before(session: Session, study: Study, annotator_id: int) -> bool:
    """Whether the annotator read an earlier version, so that the page says what is new about this one: it changed."""
    query = text("SELECT EXISTS (SELECT FROM guidelines_reading WHERE study_id = :study AND annotator_id = :annotator)")
    found: bool = session.execute(query, {"study": study.id, "annotator": annotator_id}).scalar_one()
    return found
