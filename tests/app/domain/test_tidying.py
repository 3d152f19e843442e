"""Tidying: what is too old goes, what is in use stays, and the audit log only goes where that was asked for."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from app.auth.api_tokens import create_api_token
from app.auth.invitations import renew
from app.auth.login_limit import record_failure
from app.auth.sessions import start_session
from app.domain.audit import record
from app.domain.tidying import Retention, retention_of, tidy
from app.models import ApiToken, AuditEntry, Invitation, KeptAnswer, LoginAttempt, LoginSession
from app.models.person import Role, TokenScope
from app.settings import Settings
from tests.factories import make_person

OLD = datetime.now(UTC) - timedelta(days=100)
TABLES = (LoginSession, LoginAttempt, KeptAnswer, Invitation, ApiToken)


def fill(session: Session) -> None:
    """A row of each in use."""
    person = make_person(session, role=Role.RESEARCHER)
    start_session(session, person, lifetime=timedelta(hours=1))
    record_failure(session, account="a", address="b")
    renew(session, person, by=None)
    create_api_token(session, person, [TokenScope.READ])
    session.add(KeptAnswer(person_id=person.id, key="k", fingerprint="f", answer="{}"))
    session.flush()


def rows(session: Session) -> list[int]:
    return [session.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES]


def test_what_is_in_use_stays(session: Session) -> None:
    fill(session)
    assert set(tidy(session, Retention()).values()) == {0}
    assert rows(session) == [1] * 5


def test_what_is_too_old_goes_and_is_on_record(session: Session) -> None:
    fill(session)
    session.execute(update(LoginSession).values(expires_at=OLD))
    session.execute(update(LoginAttempt).values(attempted_at=OLD))
    session.execute(update(KeptAnswer).values(created_at=OLD))
    session.execute(update(Invitation).values(used_at=OLD))
    session.execute(update(ApiToken).values(revoked_at=OLD))
    found = tidy(session, Retention())
    assert set(found.values()) == {1}
    assert rows(session) == [0] * 5
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "data.tidy")).one()
    assert entry.detail == found


def test_the_audit_log_goes_only_as_far_as_it_was_asked_for(session: Session) -> None:
    record(session, None, "study.open", None)
    session.add(AuditEntry(action="study.close", detail={}, at=OLD))
    session.flush()
    assert "audit" not in tidy(session, Retention())
    assert tidy(session, Retention(audit=timedelta(days=365)))["audit"] == 0
    assert tidy(session, Retention(audit=timedelta(days=90)))["audit"] == 1
    assert set(session.scalars(select(AuditEntry.action))) == {"study.open", "data.tidy"}
    assert session.execute(text("SELECT current_setting('toprank.forget_audit_before')")).scalar_one() == ""


def test_settings_say_how_long(database_url: str) -> None:
    assert retention_of(Settings(database_url=database_url)) == Retention()
    chosen = Settings(database_url=database_url, keep_attempts_days=2, keep_ended_days=3, keep_audit_days=400)
    days = timedelta(days=1)
    assert retention_of(chosen) == Retention(attempts=2 * days, ended=3 * days, audit=400 * days)
