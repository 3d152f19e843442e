"""Who asks an API route: a program by its token, or a page of ours by the login and the form token of its browser."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Security
from sqlalchemy.orm import Session
from starlette.requests import Request

from app.auth.api_tokens import ApiTokenError, Credentials, bearer, scheme
from app.dependencies import Visitor, in_transaction
from app.domain.logins import find_login, note_activity
from app.errors import ForbiddenError
from app.form_tokens import HEADER, SAFE_METHODS, FormTokenError, browser_token, check_form_token
from app.models.person import Role, TokenScope
from app.resources import resources_of


def caller(*wanted: TokenScope) -> Callable[[Request, Credentials], Awaitable[Visitor]]:
    """A dependency: the researcher or admin who asks, by a token of one of these scopes, or by a page of ours.

    It looks in a transaction of its own, so that no connection is held while a large body comes or goes.
    """
    require_bearer = bearer(*wanted)

    async def require_caller(
        request: Request, credentials: Annotated[Credentials, Security(scheme, scopes=[*wanted])]
    ) -> Visitor:
        token = browser_token(request)
        if "authorization" in request.headers or token is None:
            person = await require_bearer(request, credentials)
            return Visitor(person.id, person.email, person.role)
        await _check_header(request)
        return await in_transaction(request, _logged_in, request, token)

    return require_caller


async def _check_header(request: Request) -> None:
    """A page's script sends the form token as a header; no body is read to look for it."""
    if request.method not in SAFE_METHODS and HEADER not in request.headers:
        raise FormTokenError
    await check_form_token(request)


def _logged_in(session: Session, request: Request, token: str) -> Visitor:
    login = find_login(session, token, idle=resources_of(request).settings.session_idle)
    if login is None:
        raise ApiTokenError
    if login.role is Role.ANNOTATOR:
        raise ForbiddenError("This is not for annotators. Ask an admin if you should see it.")
    if login.is_due:
        note_activity(session, token)
    return Visitor(login.person_id, login.email, login.role)
