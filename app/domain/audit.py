"""The audit log: whoever changes something, lets somebody in or takes data out leaves an entry that stays.

An entry is written in the transaction of what it tells of, so that neither is there without the other.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, inspect, select
from sqlalchemy.orm import Session, aliased

from app.db import Base
from app.domain.periods import check_period
from app.errors import ToprankError
from app.models import AuditEntry, Person, Study

PAGE = 100


@dataclass(frozen=True)
class AuditFilter:
    """Which entries; None is all. `action` is a whole one, such as `person.invite`, or its beginning, `person`."""

    action: str | None = None
    actor: str | None = None
    subject_type: str | None = None
    subject_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class AuditLine:
    """An entry with present names: who did it, None for a command or a rule, and the study or person it was done to."""

    entry: AuditEntry
    actor: str | None
    study: str | None
    person: str | None

    @property
    def id(self) -> int:
        """The entry's number."""
        return self.entry.id

    @property
    def subject(self) -> str:
        """What it was done to, such as "study poems"; empty for what concerns no one thing."""
        name = self.study or self.person or self.entry.subject_id
        return f"{self.entry.subject_type} {name}" if self.entry.subject_type else ""


def record(session: Session, actor: Person | int | None, action: str, subject: Base | None, /, **detail: Any) -> None:
    """Add an entry: `actor` did `action`, such as "study.open", to `subject`, a row that has an id.

    `detail` is anything that JSON can hold, without addresses or names of people. None acts for commands and rules.
    """
    entry = AuditEntry(
        actor_id=actor.id if isinstance(actor, Person) else actor,
        action=action,
        subject_type=subject.__tablename__ if subject is not None else None,
        subject_id=_id_of(subject) if subject is not None else None,
        detail=detail,
    )
    session.add(entry)
    session.flush()


def audit_page(
    session: Session, wanted: AuditFilter, *, before: int | None = None, limit: int = PAGE
) -> list[AuditLine]:
    """Entries, the newest first; `before` goes on behind the last one of the page before. Raises PeriodError."""
    query = _matching(wanted).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return [AuditLine(entry, *names) for entry, *names in session.execute(query)]


def audit_after(session: Session, wanted: AuditFilter, after: int, *, limit: int) -> list[AuditLine]:
    """Entries whose number is above `after`, the oldest first, for programs that follow the log."""
    query = _matching(wanted).where(AuditEntry.id > after).order_by(AuditEntry.id).limit(limit)
    return [AuditLine(entry, *names) for entry, *names in session.execute(query)]


def audit_values(line: AuditLine) -> dict[str, Any]:
    """The line as plain values, for programs."""
    entry = line.entry
    return {
        "id": entry.id,
        "at": f"{entry.at:%Y-%m-%dT%H:%M:%SZ}",
        "actor": line.actor,
        "action": entry.action,
        "subject": line.subject,
        "subject_type": entry.subject_type,
        "subject_id": entry.subject_id,
        "detail": entry.detail,
    }


def audited_actions(session: Session) -> list[str]:
    """Every action that ever was recorded."""
    return list(session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action)))


def _matching(wanted: AuditFilter) -> Select[AuditEntry, str, str, str]:
    check_period(wanted.since, wanted.until)
    actor, subject = aliased(Person), aliased(Person)
    conditions = [
        wanted.action is not None and _is_action(wanted.action),
        wanted.actor is not None and actor.email == wanted.actor.strip().lower(),
        wanted.subject_type is not None and AuditEntry.subject_type == wanted.subject_type,
        wanted.subject_id is not None and AuditEntry.subject_id == wanted.subject_id,
        wanted.since is not None and AuditEntry.at >= wanted.since,
        wanted.until is not None and AuditEntry.at < wanted.until,
    ]
    return (
        select(AuditEntry, actor.email, Study.slug, subject.email)
        .outerjoin(actor, actor.id == AuditEntry.actor_id)
        .outerjoin(Study, and_(AuditEntry.subject_type == "study", Study.id == AuditEntry.subject_id))
        .outerjoin(subject, and_(AuditEntry.subject_type == "person", subject.id == AuditEntry.subject_id))
        .where(*(condition for condition in conditions if condition is not False))
    )


def _is_action(action: str) -> ColumnElement[bool]:
    if "." in action:
        return AuditEntry.action == action
    return AuditEntry.action.startswith(f"{action}.", autoescape=True)


def _id_of(subject: Base) -> int:
    (number,) = inspect(subject).identity or (None,)
    if not isinstance(number, int):
        raise ToprankError(f"A {subject.__tablename__} without a number of its own cannot be a subject of the log.")
    return number
