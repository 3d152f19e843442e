"""What routes ask for: the request's transaction, and the person it comes from, by role."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from anyio import CancelScope, CapacityLimiter, to_thread
from fastapi import Depends
from sqlalchemy.orm import Session, sessionmaker
from starlette.requests import Request

from app.domain.logins import find_login, note_activity
from app.errors import ForbiddenError, ToprankError
from app.form_tokens import SAFE_METHODS, browser_token
from app.models import Person
from app.models.person import Role
from app.resources import resources_of

Asked = ParamSpec("Asked")
Result = TypeVar("Result")


class LoginRequiredError(ToprankError):
    """This page needs a login; `location` is the login page, which knows the way back."""

    status_code = HTTPStatus.UNAUTHORIZED

    def __init__(self, request: Request) -> None:
        super().__init__("Log in to see this page.")
        self.location = "/login"
        current = request.headers.get("hx-current-url")
        if current is None and request.method in SAFE_METHODS:
            current = str(request.url)
        if current and (page := way_back(current)):
            self.location += f"?next={page}"


def way_back(address: str) -> str:
    """Path and query of a page, quoted, for the login page to return to; empty for what cannot be read."""
    try:
        parts = urlsplit(address)
    except ValueError:  # such as "http://[", which no browser sends
        return ""
    return quote(urlunsplit(("", "", parts.path, parts.query, "")), safe="/")


@dataclass(frozen=True)
class Visitor:
    """Who is logged in, as pages need it: plain values, which outlive the request's transaction."""

    id: int
    email: str
    role: Role


async def get_session(request: Request) -> AsyncIterator[Session]:
    """One request, one transaction: committed before the response starts, rolled back when anything fails.

    Waits for its turn at the database before any thread is taken, and takes one at the end only.
    """
    pool = resources_of(request).pool_for(request.scope["path"])
    async with pool.slot:
        session, succeeded = pool.sessions(), False
        try:
            yield session
            succeeded = True
        finally:
            # An endpoint that has committed in its own thread leaves nothing to do that could wait.
            if session.in_transaction():
                with CancelScope(shield=True):
                    # A limiter of its own: threads that wait for a lock must not keep its holder from finishing.
                    await to_thread.run_sync(end_transaction, session, succeeded, limiter=CapacityLimiter(1))


def end_transaction(session: Session, succeeded: bool) -> None:
    """Commit, or roll back, and give the connection back either way."""
    with session:
        if succeeded:
            session.commit()


own_transaction = asynccontextmanager(get_session)


async def in_transaction(
    request: Request,
    work: Callable[Concatenate[Session, Asked], Result],
    *arguments: Asked.args,
    **options: Asked.kwargs,
) -> Result:
    """Do some work in a transaction of its own, for routes that hold none while a large body comes or goes."""
    async with own_transaction(request) as session:
        return await to_thread.run_sync(partial(work, session, *arguments, **options))


DbSession = Annotated[Session, Depends(get_session, scope="function")]


async def short_transactions(request: Request) -> sessionmaker[Session]:
    """For what must survive a failed request: `with short.begin() as second: ...`."""
    return resources_of(request).short_transactions.sessions


async def streams(request: Request) -> sessionmaker[Session]:
    """For a streaming response, which starts when the request's own session is closed already."""
    return resources_of(request).streams.sessions


ShortTransactions = Annotated[sessionmaker[Session], Depends(short_transactions)]
Streams = Annotated[sessionmaker[Session], Depends(streams)]


def find_visitor(request: Request, session: DbSession) -> Visitor | None:
    """Whoever this browser is logged in as, also left in `request.state.person` for the page."""
    token = browser_token(request)
    resources = resources_of(request)
    login = find_login(session, token, idle=resources.settings.session_idle) if token else None
    if token is None or login is None:
        return None
    if login.is_due:
        with resources.short_transactions.sessions.begin() as second:
            note_activity(second, token)
    visitor = Visitor(login.person_id, login.email, login.role)
    request.state.person = visitor
    return visitor


FoundVisitor = Annotated[Visitor | None, Depends(find_visitor)]


async def require_visitor(request: Request, visitor: FoundVisitor) -> Visitor:
    """Anybody with a login; the others are sent to the login page."""
    if visitor is None:
        raise LoginRequiredError(request)
    return visitor


CurrentVisitor = Annotated[Visitor, Depends(require_visitor)]


def load_person(session: DbSession, visitor: CurrentVisitor) -> Person:
    """Anybody with a login, as the row that pages about people work on."""
    return session.get_one(Person, visitor.id)


CurrentPerson = Annotated[Person, Depends(load_person)]


def allow(*roles: Role) -> Callable[[Visitor], Awaitable[Visitor]]:
    """A dependency that lets these roles through and answers 403 to the others."""

    async def check_role(visitor: CurrentVisitor) -> Visitor:
        if visitor.role not in roles:
            raise ForbiddenError(f"This page is not for {visitor.role}s. Ask an admin if you should see it.")
        return visitor

    return check_role


def require(*roles: Role) -> Callable[..., Person]:
    """The same, with the person's row."""

    def load_allowed(person: CurrentPerson, _visitor: Annotated[Visitor, Depends(allow(*roles))]) -> Person:
        return person

    return load_allowed


# Plain values: what every judgement asks for costs no more than it must.
CurrentAnnotator = Annotated[Visitor, Depends(allow(Role.ANNOTATOR))]
CurrentResearcher = Annotated[Person, Depends(require(Role.RESEARCHER, Role.ADMIN))]
CurrentAdmin = Annotated[Person, Depends(require(Role.ADMIN))]
