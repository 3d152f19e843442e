"""How long a login lasts."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.auth.accounts import create_person, find_account
from app.auth.sessions import start_session
from app.domain.logins import token_hash
from app.models import LoginSession
from app.models.person import Role
from tests.app.conftest import Browser
from tests.factories import make_person


def age(db: Session, browser: Browser, **columns: timedelta) -> None:
    """Shift columns of the browser's session into the past."""
    shifted = {name: getattr(LoginSession, name) - by for name, by in columns.items()}
    db.execute(update(LoginSession).where(LoginSession.token_hash == token_hash(browser.cookie)).values(shifted))
    db.commit()


def idle_for(db: Session, browser: Browser) -> timedelta:
    """How long ago the browser was noted as active."""
    query = select(func.now() - LoginSession.last_seen_at)
    idle = db.scalars(query.where(LoginSession.token_hash == token_hash(browser.cookie))).one()
    db.commit()
    return idle


@pytest.mark.parametrize(
    ("columns", "status"),
    [
        ({"last_seen_at": timedelta(minutes=59)}, 200),
        ({"last_seen_at": timedelta(minutes=61)}, 303),
        ({"expires_at": timedelta(hours=11, minutes=59)}, 200),
        ({"expires_at": timedelta(hours=12)}, 303),
    ],
)
def test_a_session_dies_after_an_idle_hour_or_twelve_hours(
    admin: Browser, db: Session, columns: dict[str, timedelta], status: int
) -> None:
    age(db, admin, **columns)
    assert admin.get("/people").status_code == status


def test_being_active_keeps_a_session_alive(admin: Browser, db: Session) -> None:
    age(db, admin, last_seen_at=timedelta(minutes=50))
    admin.get("/people")
    assert idle_for(db, admin) < timedelta(minutes=1)


def test_activity_is_written_down_once_a_minute_at_most(admin: Browser, db: Session) -> None:
    age(db, admin, last_seen_at=timedelta(seconds=50))
    admin.get("/people")
    assert idle_for(db, admin) > timedelta(seconds=50)


def test_activity_counts_even_when_the_page_is_refused(annotator: Browser, db: Session) -> None:
    age(db, annotator, last_seen_at=timedelta(minutes=50))
    assert annotator.get("/people").status_code == 403
    assert idle_for(db, annotator) < timedelta(minutes=1)


def test_disabling_somebody_ends_their_sessions_at_once(admin: Browser, annotator: Browser, db: Session) -> None:
    person = find_account(db, annotator.email)
    assert person is not None
    assert admin.submit(f"/people/{person.id}/disable").status_code == 303
    assert annotator.get("/me").status_code == 303
    admin.submit(f"/people/{person.id}/enable")
    assert annotator.get("/me").status_code == 303  # the session itself is gone
    assert annotator.log_in(annotator.email).status_code == 303


def test_a_login_forgets_the_persons_expired_sessions(session: Session) -> None:
    person = make_person(session)
    start_session(session, person, lifetime=timedelta(hours=-1))
    token = start_session(session, person, lifetime=timedelta(hours=1))
    assert session.scalars(select(LoginSession.token_hash)).all() == [token_hash(token)]


def test_a_person_may_be_logged_in_twice(app: FastAPI, browser: Callable[[Role], Browser]) -> None:
    first = browser(Role.ADMIN)
    second = Browser(app)
    second.log_in(first.email)
    assert [one.get("/people").status_code for one in (first, second)] == [200, 200]


def test_an_account_made_with_a_password_can_be_used_at_once(anonymous: Browser, db: Session) -> None:
    create_person(db, email=" New@Lab.example", role=Role.RESEARCHER, password="seven blue teapots")
    db.commit()
    assert anonymous.log_in("new@lab.example", "seven blue teapots").status_code == 303
