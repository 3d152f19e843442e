"""Who a browser's cookie belongs to. Logging in and out is app.auth's; every page needs this."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from app.db import Statement
from app.models import LoginSession
from app.models.person import Role

SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Login:
    """A live login session: whose it is, as plain values, and whether it is time to note that they were here."""

    person_id: int
    email: str
    role: Role
    is_due: bool


def token_hash(token: str) -> bytes:
    """What is stored of a token: nobody who reads the database can log in with it."""
    return hashlib.sha256(token.encode()).digest()


LOGIN = Statement("""
SELECT p.id, p.email, p.role, l.last_seen_at < now() - :seen_every AS is_due
FROM login_session l JOIN person p ON p.id = l.person_id
WHERE l.token_hash = :token_hash AND l.expires_at > now() AND l.last_seen_at > now() - :idle AND p.disabled_at IS NULL
""")


def find_login(session: Session, token: str, *, idle: timedelta) -> Login | None:
    """The login behind a cookie, by one query; None when it has ended, was idle too long or its person is disabled."""
    row = LOGIN.first(session, token_hash=token_hash(token), idle=idle, seen_every=SEEN_EVERY)
    return Login(row.id, row.email, Role(row.role), row.is_due) if row else None


def note_activity(session: Session, token: str) -> None:
    """The person was here just now; called once a minute at most, to keep pages cheap."""
    session.execute(
        update(LoginSession).where(LoginSession.token_hash == token_hash(token)).values(last_seen_at=func.now())
    )
