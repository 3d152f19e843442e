"""Forgetting what is of no use any more, or was kept for as long as it should be."""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from sqlalchemy import ColumnElement, delete, func, or_, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from app.db import Base
from app.domain.audit import record
from app.models import ApiToken, AuditEntry, Invitation, KeptAnswer, LoginAttempt, LoginSession
from app.settings import Settings


@dataclass(frozen=True)
class Retention:
    """How long each is kept; an audit of None forever."""

    attempts: timedelta = timedelta(days=1)
    answers: timedelta = timedelta(days=1)
    ended: timedelta = timedelta(days=90)  # invitations and tokens after they were used, revoked or expired
    audit: timedelta | None = None


def retention_of(settings: Settings) -> Retention:
    """As the process was told."""
    audit = settings.keep_audit_days
    return Retention(
        attempts=timedelta(days=settings.keep_attempts_days),
        ended=timedelta(days=settings.keep_ended_days),
        audit=None if audit is None else timedelta(days=audit),
    )


def tidy(session: Session, kept: Retention) -> dict[str, int]:
    """Delete what is too old, by table; returns how many rows of each, and puts it on record where there were any."""
    ended = func.now() - kept.ended
    gone = {
        LoginSession: LoginSession.expires_at <= func.now(),
        LoginAttempt: LoginAttempt.attempted_at < func.now() - kept.attempts,
        KeptAnswer: KeptAnswer.created_at < func.now() - kept.answers,
        Invitation: or_(Invitation.expires_at < ended, Invitation.used_at < ended),
        ApiToken: or_(ApiToken.expires_at < ended, ApiToken.revoked_at < ended),
    }
    found = {table.__tablename__: _delete(session, table, old) for table, old in gone.items()}
    if kept.audit is not None:
        found[AuditEntry.__tablename__] = _forget_audit(session, kept.audit)
    if any(found.values()):
        record(session, None, "data.tidy", None, **{table: rows for table, rows in found.items() if rows})
    return found


def _forget_audit(session: Session, kept: timedelta) -> int:
    """The one way in which entries go: their trigger wants to be told, in the transaction itself, how old they are."""
    limit = text("SELECT set_config('toprank.forget_audit_before', (now() - CAST(:kept AS interval))::text, true)")
    session.execute(limit, {"kept": kept})
    rows = _delete(session, AuditEntry, AuditEntry.at < func.now() - kept)
    session.execute(text("SELECT set_config('toprank.forget_audit_before', '', true)"))
    return rows


def _delete(session: Session, table: type[Base], old: ColumnElement[bool]) -> int:
    done = session.execute(delete(table).where(old).execution_options(synchronize_session=False))
    return cast("CursorResult[object]", done).rowcount
