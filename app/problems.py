"""What the API answers when it cannot do something: problem+json (RFC 9457), whatever went wrong."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from app.error_pages import NO_DATABASE, OUR_FAULT, RETRY_AFTER
from app.errors import ToprankError
from app.full_disk import NO_SPACE, is_full_disk

API = "/api/v1"
MEDIA_TYPE = "application/problem+json"
NOT_FOUND = f"There is no such address under {API}; {API}/openapi.json lists those there are."
NOT_ALLOWED = "This address cannot be used in this way; the header Allow says in which it can."
LINES = {HTTPStatus.NOT_FOUND: NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED: NOT_ALLOWED}
NOT_VALID = "This was not understood, so nothing was changed; `errors` says which parts and why."
NOT_STORABLE = "A value cannot be stored, so nothing was changed: a number is out of range, or a text has a zero byte."


class FieldProblem(BaseModel):
    """One part of a request that does not fit: where it stands, and why."""

    where: str
    why: str


class Problem(BaseModel):
    """An error: `detail` is a sentence for people, `status` and `errors` are for programs."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


# For the OpenAPI description of every route: anything but success has this form.
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def problem(
    status: int,
    detail: str,
    *,
    title: str = "",
    headers: Mapping[str, str] | None = None,
    errors: list[FieldProblem] | None = None,
) -> Response:
    """The answer to a request that failed; a status that is not HTTP's own needs a title."""
    sent = dict(headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        sent["WWW-Authenticate"] = "Bearer"
    if status in RETRY_AFTER:
        sent["Retry-After"] = RETRY_AFTER[HTTPStatus(status)]
    body = Problem(title=title or HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or [])
    return Response(body.model_dump_json(), status, sent, media_type=MEDIA_TYPE)


def add_problems(api: FastAPI) -> None:
    """Answer every kind of error with a problem."""
    api.add_exception_handler(ToprankError, _named)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(DataError, _not_storable)
    for error in (OperationalError, InterfaceError, PoolTimeoutError):
        api.add_exception_handler(error, _dead_database)
    api.add_exception_handler(Exception, _unexpected)


async def _named(_request: Request, error: Exception) -> Response:
    named = cast(ToprankError, error)
    return problem(named.status_code, " ".join(str(named).split()))


async def _invalid(_request: Request, error: Exception) -> Response:
    found = cast(RequestValidationError, error).errors()
    errors = [FieldProblem(where=".".join(map(str, one["loc"])), why=one["msg"]) for one in found]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, NOT_VALID, errors=errors)


async def _http(request: Request, error: Exception) -> Response:
    refused = cast(HTTPException, error)
    status = HTTPStatus(refused.status_code)
    headers = dict(refused.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_allowed(request)))
    return problem(status, LINES.get(status, f"{refused.detail}."), headers=headers)


def _allowed(request: Request) -> set[str]:
    """Every method of the address: the router names only those of the first route that has it."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    routes = iter_route_contexts(request.app.routes)
    same = (route for route in routes if route.path and compile_path(route.path)[0].match(path))
    return {method for route in same for method in route.methods or ()}


async def _not_storable(_request: Request, _error: Exception) -> Response:
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, NOT_STORABLE)


async def _dead_database(_request: Request, error: Exception) -> Response:
    if is_full_disk(error):
        return problem(HTTPStatus.INSUFFICIENT_STORAGE, NO_SPACE)
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, NO_DATABASE)


async def _unexpected(_request: Request, error: Exception) -> Response:
    if is_full_disk(error):
        return problem(HTTPStatus.INSUFFICIENT_STORAGE, NO_SPACE)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, OUR_FAULT)
