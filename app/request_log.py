"""One line of JSON for each request and each warning, with a number that ties them together and nobody's data.

No address, query, cookie or person is written, and of a path only its pattern: an invitation's path is its secret.
"""

import json
import logging
import secrets
import sys
import time
from contextvars import ContextVar
from typing import TextIO

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"
UNMATCHED = "unmatched"

request_id: ContextVar[str] = ContextVar("request_id", default="")


class RequestLog:
    """Numbers each request, says the number to the client, and writes a line when it ends.

    Plain ASGI and no logging machinery, since it is on the path of every judgement.
    """

    def __init__(self, app: ASGIApp, *, out: TextIO | None = None) -> None:
        self.app = app
        self.out = out or sys.stderr

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and tell how it went."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number, start, status = secrets.token_hex(8), time.perf_counter(), 500
        token = request_id.set(number)

        async def send_numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = number
            await send(message)

        try:
            await self.app(scope, receive, send_numbered)
        finally:
            request_id.reset(token)
            took = time.perf_counter() - start
            self.out.write(request_line(number, scope["method"], pattern_of(scope), status, took))


def request_line(number: str, method: str, pattern: str, status: int, seconds: float) -> str:
    """The line; put together by hand, since nothing in it needs escaping that is not escaped here."""
    return (
        f'{{"at": "{time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}", "level": "info", "request": "{number}", '
        f'"method": {json.dumps(method)}, "route": {json.dumps(pattern)}, "status": {status}, '
        f'"ms": {1000 * seconds:.1f}}}\n'
    )


def pattern_of(scope: Scope) -> str:
    """The route's pattern, such as /invite/{token}; the path itself is never told."""
    route = scope.get("route")
    pattern = getattr(route, "path", None)
    return scope.get("root_path", "") + pattern if isinstance(pattern, str) else UNMATCHED


class JsonLines(logging.Formatter):
    """What others log, as one line of JSON each; a traceback is part of its line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "request": request_id.get() or None,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in told.items() if value is not None}, ensure_ascii=False)


def log_as_json() -> None:
    """Let everything that this process logs be lines of JSON on stderr, from warnings up."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
