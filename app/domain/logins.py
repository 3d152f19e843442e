"""Who a browser's cookie belongs to. Logging in and out is app.auth's; every page needs this."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Interval, bindparam, func, select, update
from sqlalchemy.orm import Session

from app.models import LoginSession, Person

SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Login:
    """A live login session's person, and whether it is time to note that they were here."""

    person: Person
    is_due: bool


def token_hash(token: str) -> bytes:
    """What is stored of a token: nobody who reads the database can log in with it."""
    return hashlib.sha256(token.encode()).digest()


# Built once: putting the same query together for every request costs more than running it.
LOGIN = (
    select(Person, LoginSession.last_seen_at < func.now() - SEEN_EVERY)
    .join(LoginSession, LoginSession.person_id == Person.id)
    .where(
        LoginSession.token_hash == bindparam("token_hash"),
        LoginSession.expires_at > func.now(),
        LoginSession.last_seen_at > func.now() - bindparam("idle", type_=Interval),
        Person.disabled_at.is_(None),
    )
)


def find_login(session: Session, token: str, *, idle: timedelta) -> Login | None:
    """The login behind a cookie, by one query; None when it has ended, was idle too long or its person is disabled."""
    row = session.execute(LOGIN, {"token_hash": token_hash(token), "idle": idle}).one_or_none()
    return Login(*row) if row else None


def note_activity(session: Session, token: str) -> None:
    """The person was here just now; called once a minute at most, to keep pages cheap."""
    session.execute(
        update(LoginSession).where(LoginSession.token_hash == token_hash(token)).values(last_seen_at=func.now())
    )
