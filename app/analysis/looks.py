"""Looks: whoever sees results by system before a study closes leaves a numbered record of it."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.errors import ForbiddenError
from app.models import Look, Person, Study
from app.models.study import StudyState


class NotOpenToLookError(ForbiddenError):
    """The study is not closed, and nobody has taken a look that would open its results."""

    def __init__(self, study: Study) -> None:
        super().__init__(
            f"The study {study.slug!r} is {study.state}, and results by system open when it closes. To see them now, "
            "take a look: it is numbered, kept, and printed on what you make after it."
        )


def take_look(session: Session, study: Study, person_id: int) -> Look:
    """Record a look under the study's next number."""
    session.execute(select(Study.id).where(Study.id == study.id).with_for_update())
    number = session.scalar(select(func.coalesce(func.max(Look.number), 0) + 1).where(Look.study_id == study.id))
    look = Look(study_id=study.id, number=number, person_id=person_id)
    session.add(look)
    record(session, person_id, "study.look", study, number=number)
    return look


def last_look(session: Session, study: Study) -> Look | None:
    """The newest look; None before the first."""
    return session.scalar(select(Look).where(Look.study_id == study.id).order_by(Look.number.desc()).limit(1))


def all_looks(session: Session, study: Study) -> list[tuple[Look, str]]:
    """Every look with the e-mail of whoever took it, the first one first."""
    query = select(Look, Person.email).join(Person, Person.id == Look.person_id).where(Look.study_id == study.id)
    return [(look, email) for look, email in session.execute(query.order_by(Look.number))]


def is_open_to_look(session: Session, study: Study) -> bool:
    """Whether results by system may be shown: the study is closed, is open to look at, or somebody took a look."""
    return study.state == StudyState.CLOSED or study.open_to_look or last_look(session, study) is not None


def check_is_open_to_look(session: Session, study: Study) -> None:
    """Raises NotOpenToLookError unless results by system may be shown."""
    if not is_open_to_look(session, study):
        raise NotOpenToLookError(study)
