"""The headers of every response."""

import re

import pytest

from app.main import create_app
from app.settings import Settings
from tests.app.conftest import Browser


@pytest.mark.parametrize("path", ["/login", "/people", "/nothing", "/healthz", "/static/app.css"])
def test_every_response_forbids_what_is_not_ours(anonymous: Browser, path: str) -> None:
    headers = anonymous.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/login", "/people", "/nothing"])
def test_pages_are_not_kept_by_caches(anonymous: Browser, path: str) -> None:
    assert anonymous.get(path).headers["cache-control"] == "no-store"


def test_https_is_pinned_only_where_there_is_https(settings: Settings, anonymous: Browser) -> None:
    secure = create_app(settings.model_copy(update={"secure_cookies": True}))
    assert "max-age=31536000" in Browser(secure).get("/healthz").headers["strict-transport-security"]
    secure.state.resources.close()
    assert "strict-transport-security" not in anonymous.get("/healthz").headers


def test_a_static_file_is_kept_for_good_under_its_own_hash_only(anonymous: Browser) -> None:
    address = re.search(r'href="(/static/app.css\?v=[0-9a-f]{12})"', anonymous.get("/login").text)
    assert address
    assert "immutable" in anonymous.get(address[1]).headers["cache-control"]
    # a page of a newer version, answered by an older process: the old text must not stick to the new address
    assert anonymous.get("/static/app.css?v=000000000000").headers["cache-control"] == "no-cache"
    assert anonymous.get("/static/app.css").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/static/", "/static/nothing.css", "/static/../app/main.py", "/static/%2e%2e/NOTICE"])
def test_only_static_files_are_served_as_static(anonymous: Browser, path: str) -> None:
    assert anonymous.get(path).status_code == 404


def test_pages_have_no_inline_script_or_style(anonymous: Browser, admin: Browser) -> None:
    for page in (anonymous.get("/login"), admin.get("/people"), admin.get("/me")):
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", page.text)
