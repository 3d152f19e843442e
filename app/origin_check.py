"""Refuses changes that another site's page asks for, before anything else looks at them."""

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.form_tokens import SAFE_METHODS
from app.problems import API, problem

REFUSAL = "This request came from another site, so nothing was changed. Open the page here and try again."


def is_from_elsewhere(headers: Headers) -> bool:
    """Whether a browser says that another origin's page made this request.

    A request with neither header is no browser's; there the form token alone decides.
    """
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and _host_of(origin) != headers.get("host", "").lower()


def _host_of(origin: str) -> str | None:
    """Host and port of an origin; None for what cannot be read as one, such as "http://[", which is no host's."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


class OriginCheck:
    """Answers 403 to a cross-origin POST, PUT, PATCH or DELETE."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on unless it would change something for another site."""
        unsafe = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
        if unsafe and is_from_elsewhere(Headers(scope=scope)):
            is_program = scope["path"].startswith(f"{API}/")
            refusal = problem(HTTPStatus.FORBIDDEN, REFUSAL) if is_program else PlainTextResponse(REFUSAL, 403)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)
