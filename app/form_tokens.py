"""The browser's cookie, and the form token derived from it that no other site can know."""

import hashlib
import hmac
import secrets
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from app.errors import ForbiddenError
from app.resources import resources_of

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class FormTokenError(ForbiddenError):
    """This form has expired or came from another site, so nothing was changed. Reload the page and send it again."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class NoCookieError(ForbiddenError):
    """Your browser sent no cookie, so nothing was changed. Allow cookies for this site; they need https, except on
    a server that was started with --insecure-http."""

    def __init__(self) -> None:
        super().__init__(" ".join(str(self.__doc__).split()))


def new_token() -> str:
    """256 random bits, safe in a cookie and in a URL."""
    return secrets.token_urlsafe(32)


def cookie_name(*, secure: bool) -> str:
    """`__Host-` makes browsers refuse the cookie without https and from subdomains; plain http cannot have it."""
    return "__Host-toprank" if secure else "toprank"


def browser_token(request: Request) -> str | None:
    """What this browser's cookie holds: a login session's token, or a random one from before the login."""
    return request.cookies.get(cookie_name(secure=resources_of(request).settings.secure_cookies))


def browser_token_or_new(request: Request) -> str:
    """The cookie's value; for a browser without one, a new value that `keep_new_cookie` sends along."""
    token = browser_token(request) or getattr(request.state, "new_token", None)
    if token is None:
        token = request.state.new_token = new_token()
    return cast(str, token)


def keep_new_cookie(request: Request, response: Response) -> None:
    """Send the cookie that a form on this page needs, if the browser had none."""
    token = getattr(request.state, "new_token", None)
    if token is not None:
        set_cookie(request, response, token)


def set_cookie(request: Request, response: Response, token: str) -> None:
    """Give the browser this token, out of reach of scripts and of other sites."""
    settings = resources_of(request).settings
    response.set_cookie(
        cookie_name(secure=settings.secure_cookies),
        token,
        max_age=int(settings.session_lifetime.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )


def delete_cookie(request: Request, response: Response) -> None:
    """Take the cookie away."""
    secure = resources_of(request).settings.secure_cookies
    response.delete_cookie(cookie_name(secure=secure), httponly=True, samesite="lax", secure=secure)


def form_token(key: bytes, cookie: str) -> str:
    """The token that forms on this browser's pages carry."""
    return hmac.new(key, cookie.encode(), hashlib.sha256).hexdigest()


async def check_form_token(request: Request) -> None:
    """Refuse a change that does not carry this browser's form token, as a field or as a header."""
    if request.method in SAFE_METHODS:
        return
    cookie = browser_token(request)
    if cookie is None:
        raise NoCookieError
    given = request.headers.get(HEADER) or (await request.form()).get(FIELD)
    expected = form_token(resources_of(request).key, cookie)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        raise FormTokenError
