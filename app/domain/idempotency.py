"""Writes that are asked for twice and happen once: the key, the request's fingerprint and the answer that was given."""

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.errors import ToprankError
from app.models import KeptAnswer

KEPT_FOR = timedelta(days=1)
# Each write clears away so many old answers at most.
CLEARED = 100


class OtherRequestError(ToprankError):
    """This Idempotency-Key came with another request before, so nothing was changed. Use a new key for each write."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def answer_once(session: Session, person_id: int, key: str, fingerprint: str, deed: Callable[[], str]) -> str | None:
    """Do the deed and keep its answer, and return None; or return the answer kept from the first time.

    Of two requests at once the second waits for the first one's transaction. A deed that fails takes its key back with
    it. Raises OtherRequestError when the key belongs to a request with another fingerprint.
    """
    _clear(session)
    if not _take(session, person_id, key, fingerprint):
        return _kept(session, person_id, key, fingerprint)
    mine = (KeptAnswer.person_id == person_id, KeptAnswer.key == key)
    session.execute(update(KeptAnswer).where(*mine).values(answer=deed()))
    return None


def _take(session: Session, person_id: int, key: str, fingerprint: str) -> bool:
    taking = insert(KeptAnswer).values(person_id=person_id, key=key, fingerprint=fingerprint)
    taken = taking.on_conflict_do_nothing(index_elements=["person_id", "key"]).returning(KeptAnswer.key)
    return session.execute(taken).scalar_one_or_none() is not None


def _kept(session: Session, person_id: int, key: str, fingerprint: str) -> str:
    mine = (KeptAnswer.person_id == person_id, KeptAnswer.key == key)
    row = session.execute(select(KeptAnswer.fingerprint, KeptAnswer.answer).where(*mine)).one()
    if row.fingerprint != fingerprint:
        raise OtherRequestError
    return str(row.answer)


def _clear(session: Session) -> None:
    """Forget old answers; those that another transaction is clearing are left to it."""
    old = select(KeptAnswer.person_id, KeptAnswer.key).where(KeptAnswer.created_at < func.now() - KEPT_FOR)
    chosen = old.limit(CLEARED).with_for_update(skip_locked=True)
    session.execute(delete(KeptAnswer).where(tuple_(KeptAnswer.person_id, KeptAnswer.key).in_(chosen)))
