"""Tokens with which programs use the API in a person's name: random, scoped, expiring, stored as a hash."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.requests import Request

from app.dependencies import Visitor, in_transaction
from app.domain.audit import record
from app.domain.logins import token_hash
from app.errors import ForbiddenError, NotFoundError, ToprankError
from app.form_tokens import new_token
from app.models import ApiToken, Person
from app.models.person import Role, TokenScope

PREFIX = "toprank_"  # so that programs which look for leaked secrets can know one
VALID_FOR = timedelta(days=90)
LONGEST = timedelta(days=366)

LONGEST_NAME = 200

scheme = HTTPBearer(auto_error=False, description="A personal token; its scopes say what it may do.")
Credentials = HTTPAuthorizationCredentials | None


class ApiTokenError(ToprankError):
    """This needs a valid token, sent as "Authorization: Bearer TOKEN". Make one on your account's page."""

    status_code = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def create_api_token(
    session: Session,
    person: Person,
    scopes: Iterable[TokenScope],
    *,
    valid_for: timedelta = VALID_FOR,
    name: str = "",
    by: Person | None = None,
) -> str:
    """A new token of the person's, shown this once; made `by` them, or by a command.

    Raises ToprankError where nobody could use it.
    """
    wanted = sorted({scope.value for scope in scopes})
    if not wanted:
        raise ToprankError(f"A token needs a scope; choose from: {', '.join(TokenScope)}.")
    if not timedelta(0) < valid_for <= LONGEST:
        raise ToprankError(f"A token lasts from 1 to {LONGEST.days} days.")
    if person.role is Role.ANNOTATOR or person.disabled_at is not None:
        raise ToprankError(f"{person.email} may not use the API: tokens are for researchers and admins in service.")
    if TokenScope.ADMIN in wanted and person.role is not Role.ADMIN:
        raise ToprankError(f"{person.email} is no admin, so a token of theirs cannot have the scope admin.")
    if len(name) > LONGEST_NAME or not (name.isprintable()):
        raise ToprankError(f"A token's name has at most {LONGEST_NAME} printable characters.")
    token = PREFIX + new_token()
    kept = ApiToken(token_hash=token_hash(token), person_id=person.id, name=name.strip(), scopes=wanted)
    kept.expires_at = func.now() + valid_for
    session.add(kept)
    session.flush()
    record(session, by, "token.make", kept, owner=person.id, scopes=wanted, days=valid_for.days)
    return token


def tokens_of(session: Session, person: Person, *, after: int = 0, limit: int | None = None) -> list[ApiToken]:
    """The person's tokens, the oldest first, with those that are of no use any more."""
    mine = select(ApiToken).where(ApiToken.person_id == person.id, ApiToken.id > after)
    return list(session.scalars(mine.order_by(ApiToken.id).limit(limit)))


def revoke_api_token(session: Session, person: Person, token_id: int, *, by: Person | None = None) -> ApiToken:
    """Make one of the person's tokens useless at once; again changes nothing. Raises NotFoundError for any other."""
    token = session.scalar(
        select(ApiToken).where(ApiToken.id == token_id, ApiToken.person_id == person.id).with_for_update()
    )
    if token is None:
        raise NotFoundError("You have no such token.")
    if token.revoked_at is None:
        token.revoked_at = datetime.now(UTC)
        record(session, by, "token.revoke", token, owner=person.id)
    return token


def revoke_all_tokens(session: Session, person: Person, *, by: Person | None) -> None:
    """Make every token of the person's useless at once, and for good."""
    live = select(ApiToken.id).where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None))
    for token_id in session.scalars(live.order_by(ApiToken.id)).all():
        revoke_api_token(session, person, token_id, by=by)


def find_bearer(session: Session, token: str, *wanted: TokenScope) -> Person:
    """Whose token this is. Raises ApiTokenError for one that is of no use, ForbiddenError with no wanted scope."""
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
    if TokenScope.ADMIN in wanted and person.role is not Role.ADMIN:
        raise ForbiddenError("This is for admins alone.")
    if not set(wanted) & set(scopes):
        scope = wanted[0]
        raise ForbiddenError(f"This token is not for this: it lacks the scope {scope}. Make one with --scope {scope}.")
    return person


def bearer(*wanted: TokenScope) -> Callable[[Request, Credentials], Awaitable[Person]]:
    """A dependency: the person whose token, of one of these scopes, came with the request; left in its state too.

    It looks in a transaction of its own, so that no connection is held while a large body comes or goes.
    """

    async def require_bearer(
        request: Request, credentials: Annotated[Credentials, Security(scheme, scopes=[*wanted])]
    ) -> Person:
        token = credentials.credentials.strip() if credentials else ""
        if not token:
            raise ApiTokenError
        person = await in_transaction(request, find_bearer, token, *wanted)
        request.state.person = Visitor(person.id, person.email, person.role)
        return person

    return require_bearer


ApiReader = Annotated[Person, Depends(bearer(TokenScope.READ))]
ApiWriter = Annotated[Person, Depends(bearer(TokenScope.WRITE))]
ApiAdmin = Annotated[Person, Depends(bearer(TokenScope.ADMIN))]
