"""How an annotator's English was verified: stated by themselves, or recorded by a researcher or admin who knows."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.errors import ToprankError
from app.models import EnglishCheck, Person
from app.models.taking_part import EnglishMethod
from app.wording import N_


@dataclass(frozen=True)
class EnglishStatement:
    """First language, and how, by whom and when their English was verified."""

    first_language: str
    method: EnglishMethod
    verified_by: str
    verified_on: date


def record_english(session: Session, annotator_id: int, statement: EnglishStatement, *, recorded_by: int) -> None:
    """Keep a statement; it holds from now on. What others state than the annotator is in the audit log too.

    Raises ToprankError when something is empty or lies in the future.
    """
    language, by_whom = statement.first_language.strip(), statement.verified_by.strip()
    if not language or not by_whom:
        raise ToprankError(N_("The first language and who verified the English have to be given; nothing was saved."))
    # A day of grace: today begins earlier in the east than here.
    if statement.verified_on > datetime.now(UTC).date() + timedelta(days=1):
        raise ToprankError(f"{statement.verified_on} lies in the future; nothing was saved.")
    session.add(
        EnglishCheck(
            annotator_id=annotator_id,
            first_language=language,
            method=statement.method,
            verified_by=by_whom,
            verified_on=statement.verified_on,
            recorded_by_id=recorded_by,
        )
    )
    session.flush()
    if recorded_by != annotator_id:
        person = session.get_one(Person, annotator_id)
        record(session, recorded_by, "person.record_english", person, method=str(statement.method))


def english_of(session: Session, annotator_id: int) -> EnglishCheck | None:
    """What holds; None when nothing is known."""
    query = select(EnglishCheck).where(EnglishCheck.annotator_id == annotator_id)
    return session.scalar(query.order_by(EnglishCheck.id.desc()).limit(1))
