"""Pages and fragments from Jinja2 templates: escaped, and failing loudly on a missing name."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from app.domain.money import written
from app.form_tokens import browser_token_or_new, form_token, keep_new_cookie
from app.markdown import markdown
from app.resources import resources_of
from app.static_files import static_url
from app.wording import SOURCE_LANGUAGE, catalogue

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


def make_environment() -> Environment:
    """Jinja2 as this app uses it."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # saves a look at the disk for each page
    )
    environment.globals["static_url"] = static_url
    environment.filters.update(
        thousands=thousands, percent=percent, points=points, moment=moment, markdown=markdown, bytes=in_bytes
    )
    environment.filters.update(seconds=seconds, minutes=minutes, money=written, address=address)
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True  # line breaks of a template are none of a sentence
    return environment


def address(email: str) -> Markup:
    """An e-mail address that a narrow heading breaks behind the @ or a dot rather than anywhere."""
    return Markup("<wbr>").join(re.split(r"(?<=[@.])", email))


def thousands(number: float) -> str:
    """1234567 -> 1,234,567."""
    return f"{number:,.0f}"


def in_bytes(size: float) -> str:
    """1234567 -> 1.2 MB, with a space that does not break."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:,.1f}\u00a0{name}"
    return f"{size:.0f}\u00a0B"


def percent(share: float, digits: int = 1) -> str:
    """0.3456 -> 34.6 %, with a space that does not break."""
    return f"{100 * share:.{digits}f}\u00a0%"


def points(share: float) -> str:
    """A share as percentage points, as a width of an interval is told; 0.0412 is "4.1"."""
    return f"{100 * share:.1f}"


def seconds(milliseconds: float) -> str:
    """4321 -> 4.3 s, with a space that does not break."""
    return f"{milliseconds / 1000:.1f}\u00a0s"


def minutes(duration: timedelta) -> str:
    """2:05:09 -> 2 h 05 min; under a minute in seconds, to a tenth."""
    if duration < timedelta(minutes=1):
        return f"{duration / timedelta(seconds=1):.1f} s"
    hours, left = divmod(duration, timedelta(hours=1))
    whole = left // timedelta(minutes=1)
    return f"{hours} h {whole:02d} min" if hours else f"{whole} min"


def moment(time: datetime) -> str:
    """2026-11-24 09:30 UTC, from a time in UTC."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


environment = make_environment()


def use_language(language: str) -> None:
    """Write pages in this language from now on. Raises ToprankError when it has no catalogue."""
    # The i18n extension adds this method; its types do not know.
    words = catalogue(language)
    environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    # Looked up once: a judgement's page has 38 such sentences, and none has placeholders.
    environment.globals["_"] = cache(lambda sentence: Markup(words.gettext(sentence)))  # noqa: S704 - words of ours
    environment.filters["translated"] = words.gettext  # for sentences that come from Python, percent signs and all
    environment.globals["language"] = language


use_language(SOURCE_LANGUAGE)


def render(
    request: Request,
    template: str,
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    **context: object,
) -> HTMLResponse:
    """A page or fragment; templates also know `request`, `person` (None before the login) and `csrf_token`."""
    context["request"] = request
    context["person"] = getattr(request.state, "person", None)
    context["csrf_token"] = form_token(resources_of(request).key, browser_token_or_new(request))
    response = HTMLResponse(environment.get_template(template).render(context), status, headers)
    keep_new_cookie(request, response)
    return response


def see_other(path: str) -> RedirectResponse:
    """Send the browser to GET another page, after a form was accepted."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def is_htmx(request: Request) -> bool:
    """Whether htmx asked, and so wants a fragment instead of a page."""
    return "hx-request" in request.headers


def wants_fragment(request: Request) -> bool:
    """Whether htmx asked for a part of a page; where it only loads whole pages for a browser, it gets those."""
    return is_htmx(request) and "hx-boosted" not in request.headers
