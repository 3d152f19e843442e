"""How much a request may bring: a form's worth from anybody, files only from people who may send some.

What a request brings is taken in before it is known who sent it, so nobody unknown may fill memory or the disk by it.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.auth.api_tokens import find_bearer
from app.dependencies import in_transaction
from app.domain.logins import find_login
from app.errors import ToprankError
from app.form_tokens import SAFE_METHODS, browser_token
from app.models.person import Role, TokenScope
from app.resources import resources_of

MIB = 2**20
ORDINARY = 4 * MIB
OF_A_FORM = 1024 * MIB  # its files are kept on disk
OF_A_PROGRAM = 128 * MIB  # JSON is kept in memory, with files in base64

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_LARGE: dict[Callable[..., Any], float] = {}


def takes_up_to(most: float) -> Callable[[Endpoint], Endpoint]:
    """Marks an endpoint that takes more bytes than others; infinitely many where it counts them itself."""

    def mark(endpoint: Endpoint) -> Endpoint:
        _LARGE[endpoint] = most
        return endpoint

    return mark


def largest_body(endpoint: object) -> float:
    """How many bytes a request to this endpoint may bring."""
    return _LARGE.get(endpoint, ORDINARY) if callable(endpoint) else ORDINARY


class BodyLimit:
    """Counts what is read of a request's body, and has it refused by whoever reads it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a body that ends where it is too large."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            receive = _Counted(scope, receive)
        await self.app(scope, receive, send)


class _Counted:
    """A body; looks at the endpoint when it is read first, since only then it is known."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope, self.receive = scope, receive
        self.so_far = 0
        self.is_known = False

    async def __call__(self) -> Message:
        """The next piece. Raises HTTPException for one too many, which pages and the API each tell in their way."""
        if self.so_far == 0:
            await self._check(_announced(self.scope))
        message = await self.receive()
        self.so_far += len(message.get("body", b""))
        await self._check(self.so_far)
        return message

    async def _check(self, size: int) -> None:
        most = largest_body(self.scope.get("endpoint"))
        if size > most:
            least = f"{most / MIB:,.0f} MiB"
            detail = f"A request to this address has at most {least}, so nothing was changed; send less at a time"
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        if size > ORDINARY and most != float("inf") and not self.is_known:
            self.is_known = await _may_send_files(Request(self.scope))
            if not self.is_known:
                detail = f"More than {ORDINARY // MIB} MiB are taken only from a researcher or admin who is logged in"
                raise HTTPException(HTTPStatus.UNAUTHORIZED, detail)


def _announced(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() and len(length) < 19 else 0


async def _may_send_files(request: Request) -> bool:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return await in_transaction(request, _is_bearer, token.strip())
    cookie = browser_token(request)
    return cookie is not None and await in_transaction(request, _is_researcher, request, cookie)


def _is_bearer(session: Session, token: str) -> bool:
    try:
        find_bearer(session, token, TokenScope.WRITE)
    except ToprankError:
        return False
    return True


def _is_researcher(session: Session, request: Request, cookie: str) -> bool:
    login = find_login(session, cookie, idle=resources_of(request).settings.session_idle)
    return login is not None and login.role is not Role.ANNOTATOR
