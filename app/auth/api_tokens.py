"""Tokens with which programs use the API in a person's name: random, scoped, expiring, stored as a hash."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus

from anyio import to_thread
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.requests import Request

from app.dependencies import get_session
from app.domain.logins import token_hash
from app.errors import ForbiddenError, ToprankError
from app.form_tokens import new_token
from app.models import ApiToken, Person
from app.models.person import Role, TokenScope

PREFIX = "toprank_"  # so that programs which look for leaked secrets can know one
VALID_FOR = timedelta(days=90)
LONGEST = timedelta(days=366)

own_transaction = asynccontextmanager(get_session)


class ApiTokenError(ToprankError):
    """This needs a valid token, sent as "Authorization: Bearer TOKEN". Make one with `toprank user token EMAIL`."""

    status_code = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def create_api_token(
    session: Session, person: Person, scopes: Iterable[TokenScope], *, valid_for: timedelta = VALID_FOR
) -> str:
    """A new token of the person's, shown this once. Raises ToprankError where nobody could use it."""
    wanted = sorted({scope.value for scope in scopes})
    if not wanted:
        raise ToprankError(f"A token needs a scope; choose from: {', '.join(TokenScope)}.")
    if not timedelta(0) < valid_for <= LONGEST:
        raise ToprankError(f"A token lasts from 1 to {LONGEST.days} days.")
    if person.role is Role.ANNOTATOR or person.disabled_at is not None:
        raise ToprankError(f"{person.email} may not use the API: tokens are for researchers and admins in service.")
    token = PREFIX + new_token()
    expires_at = func.now() + valid_for
    session.add(ApiToken(token_hash=token_hash(token), person_id=person.id, scopes=wanted, expires_at=expires_at))
    session.flush()
    return token


def find_bearer(session: Session, token: str, scope: TokenScope) -> Person:
    """Whose token this is. Raises ApiTokenError for one that is of no use, ForbiddenError without the scope."""
    row = session.execute(
        select(Person, ApiToken.scopes)
        .join(ApiToken, ApiToken.person_id == Person.id)
        .where(
            ApiToken.token_hash == token_hash(token),
            ApiToken.expires_at > func.now(),
            ApiToken.revoked_at.is_(None),
            Person.disabled_at.is_(None),
            Person.role != Role.ANNOTATOR,
        )
    ).one_or_none()
    if row is None:
        raise ApiTokenError
    person, scopes = row
    if scope not in scopes:
        raise ForbiddenError(f"This token is not for this: it lacks the scope {scope}. Make one with --scope {scope}.")
    return person


def bearer(scope: TokenScope) -> Callable[[Request], Awaitable[Person]]:
    """A dependency: the person whose token came with the request.

    It looks in a transaction of its own, so that no connection is held while a large body comes or goes.
    """

    async def require_bearer(request: Request) -> Person:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise ApiTokenError
        async with own_transaction(request) as session:
            return await to_thread.run_sync(find_bearer, session, token.strip(), scope)

    return require_bearer
