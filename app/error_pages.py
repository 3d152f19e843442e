"""Errors as pages: what happened, what it means, what to do next, and never a stack trace."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import LoginRequiredError
from app.errors import ToprankError
from app.full_disk import NO_SPACE, is_full_disk
from app.resources import resources_of
from app.security_headers import security_headers
from app.templating import is_htmx, render, see_other
from app.wording import N_

NOT_FOUND = N_("There is no such page, or it is not yours to see. Check the address, or start from the first page.")
NO_DATABASE = N_("The database does not answer, so nothing could be read or saved. Try again in a minute.")
OUR_FAULT = N_(
    "Something went wrong on our side, and nothing was saved. Try again; if it happens again, tell an admin."
)
LINES = {HTTPStatus.NOT_FOUND: NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED: N_("This page cannot be used in this way.")}
TITLES = {
    HTTPStatus.BAD_REQUEST: N_("That did not work"),
    HTTPStatus.UNAUTHORIZED: N_("Log in first"),
    HTTPStatus.FORBIDDEN: N_("This is not open to you"),
    HTTPStatus.NOT_FOUND: N_("Not found"),
    HTTPStatus.METHOD_NOT_ALLOWED: N_("Not in this way"),
    HTTPStatus.CONFLICT: N_("Not possible at present"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: N_("Too much at once"),
    HTTPStatus.UNPROCESSABLE_ENTITY: N_("Something does not fit"),
    HTTPStatus.TOO_MANY_REQUESTS: N_("Too many attempts"),
    HTTPStatus.INTERNAL_SERVER_ERROR: N_("Something went wrong"),
    HTTPStatus.SERVICE_UNAVAILABLE: N_("Not available at present"),
    HTTPStatus.INSUFFICIENT_STORAGE: N_("No room left"),
}
RETRY_AFTER = {HTTPStatus.TOO_MANY_REQUESTS: "300", HTTPStatus.SERVICE_UNAVAILABLE: "10"}


def error_page(
    request: Request, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A page for a browser; for htmx the same words as a notice at the top of the page it is on."""
    sent = dict(headers or {})
    if status in RETRY_AFTER:
        sent["Retry-After"] = RETRY_AFTER[status]
    if not is_htmx(request):
        title = TITLES.get(status, status.phrase)
        return render(request, "errors/error.html", status=status, headers=sent, title=title, message=message)
    sent |= {"HX-Retarget": "#notices", "HX-Reswap": "innerHTML show:window:top"}
    return render(request, "errors/_notice.html", status=status, headers=sent, message=message)


def add_error_pages(app: FastAPI) -> None:
    """Answer every kind of error with a page."""
    app.add_exception_handler(LoginRequiredError, to_login)
    app.add_exception_handler(ToprankError, named_error)
    app.add_exception_handler(RequestValidationError, invalid_form)
    app.add_exception_handler(HTTPException, http_error)
    for error in (OperationalError, InterfaceError, PoolTimeoutError):
        app.add_exception_handler(error, dead_database)
    app.add_exception_handler(Exception, unexpected_error)


async def to_login(request: Request, error: Exception) -> Response:
    """Off to the login page; htmx is told to leave the page, instead of putting a login form into it."""
    location = cast(LoginRequiredError, error).location
    return Response(status_code=401, headers={"HX-Redirect": location}) if is_htmx(request) else see_other(location)


async def named_error(request: Request, error: Exception) -> Response:
    """An error of ours, whose message is written for people."""
    return error_page(request, cast(ToprankError, error).status_code, str(error))


async def invalid_form(request: Request, error: Exception) -> Response:
    """A form or address that does not fit, one line for each field."""
    lines = [problem_line(problem["loc"], problem["msg"]) for problem in cast(RequestValidationError, error).errors()]
    message = f"This was not understood, so nothing was changed. {' '.join(lines)}"
    return error_page(request, HTTPStatus.UNPROCESSABLE_ENTITY, message)


def problem_line(location: tuple[str | int, ...], message: str) -> str:
    """One of pydantic's, such as ('body', 'email') and 'Field required', or one of ours, as a line.

    >>> problem_line(("query", "first_day"), "Value error, A day is written as 2026-03-31.")
    'first_day: A day is written as 2026-03-31.'
    """
    name = ".".join(str(part) for part in location[1:]) or str(location[0])
    return f"{name}: {message.removeprefix('Value error, ').rstrip('.')}."


async def http_error(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no such page, the wrong method, a body that cannot be read."""
    if is_full_disk(error):  # a form's files had no room
        return full_disk(request)
    refused = cast(HTTPException, error)
    status = HTTPStatus(refused.status_code)
    return error_page(request, status, LINES.get(status, f"{refused.detail}."), refused.headers)


async def dead_database(request: Request, error: Exception) -> Response:
    """Postgres is away, or too busy to answer in time; or its disk is full."""
    if is_full_disk(error):
        return full_disk(request)
    return error_page(request, HTTPStatus.SERVICE_UNAVAILABLE, NO_DATABASE)


def full_disk(request: Request) -> Response:
    """There was no room to write."""
    return error_page(request, HTTPStatus.INSUFFICIENT_STORAGE, NO_SPACE)


async def unexpected_error(request: Request, error: Exception) -> Response:
    """A fault of ours, or a full disk: logged, and a page for the person. It is made outside the header middleware."""
    is_full = is_full_disk(error)
    response = full_disk(request) if is_full else error_page(request, HTTPStatus.INTERNAL_SERVER_ERROR, OUR_FAULT)
    response.headers.update(security_headers(https=resources_of(request).settings.secure_cookies))
    return response
