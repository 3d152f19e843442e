"""Login sessions: a browser holds a random token, the database only its SHA-256."""

from datetime import timedelta

from sqlalchemy import delete, func
from sqlalchemy.orm import Session

from app.domain.logins import token_hash
from app.form_tokens import new_token
from app.models import LoginSession, Person


def start_session(session: Session, person: Person, *, lifetime: timedelta) -> str:
    """Log a browser in: returns the token for its cookie, new at every login, dead after `lifetime` at the latest."""
    session.execute(
        delete(LoginSession).where(LoginSession.person_id == person.id, LoginSession.expires_at <= func.now())
    )
    token = new_token()
    session.add(LoginSession(token_hash=token_hash(token), person_id=person.id, expires_at=func.now() + lifetime))
    session.flush()
    return token


def end_session(session: Session, token: str) -> None:
    """Log one browser out."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash(token)))


def end_all_sessions(session: Session, person: Person) -> None:
    """Log every browser of the person out."""
    session.execute(delete(LoginSession).where(LoginSession.person_id == person.id))
