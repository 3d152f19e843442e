"""No change without this browser's form token, whoever asks."""

import pytest
from fastapi import FastAPI

from app.form_tokens import form_token
from tests.app.conftest import ORIGIN, PASSWORD, SECRET, Browser


def test_a_form_without_its_token_changes_nothing(admin: Browser) -> None:
    refused = admin.post("/people/invite", data={"email": "new@lab.example", "role": "admin"})
    assert refused.status_code == 403
    assert "expired or came from another site" in refused.text
    assert "new@lab.example" not in admin.get("/people").text


@pytest.mark.parametrize("token", ["", "0" * 64, "é", form_token(SECRET.encode(), "somebody else's cookie")])
def test_another_browsers_token_is_refused(admin: Browser, token: str) -> None:
    assert admin.submit("/people/invite", csrf_token=token, email="a@b.example", role="admin").status_code == 403


def test_a_token_is_of_no_use_after_the_next_login(admin: Browser) -> None:
    old = admin.form_token
    admin.log_in(admin.email)
    assert admin.submit("/logout", csrf_token=old).status_code == 403


def test_the_token_may_come_as_a_header(admin: Browser) -> None:
    sent = admin.post("/logout", headers={"X-CSRF-Token": admin.form_token})
    assert sent.status_code == 303


def test_the_login_form_has_a_token_too(app: FastAPI, admin: Browser) -> None:
    browser = Browser(app)
    page = browser.get("/login")
    assert browser.form_token in page.text
    login = {"email": admin.email, "password": PASSWORD}
    assert browser.post("/login", data=login).status_code == 403
    assert browser.post("/login", data=login | {"csrf_token": browser.form_token}).status_code == 303


def test_a_browser_that_keeps_no_cookies_is_told_so(anonymous: Browser) -> None:
    refused = anonymous.post("/login", data={"email": "a@b.example", "password": PASSWORD})
    assert refused.status_code == 403
    assert "Your browser sent no cookie" in refused.text


def test_a_cookie_is_given_only_to_a_browser_without_one(anonymous: Browser) -> None:
    assert "set-cookie" in anonymous.get("/login").headers
    assert "set-cookie" not in anonymous.get("/login").headers


def test_an_uploaded_file_is_no_token(admin: Browser) -> None:
    refused = admin.post("/logout", files={"csrf_token": ("token.txt", admin.form_token)})
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),  # no browser: the token alone decides
        ({"Origin": ORIGIN}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),  # no address at all
        ({"Origin": "http://testserver:8080"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"}, 403),
    ],
)
def test_another_sites_page_changes_nothing_even_with_the_token(
    admin: Browser, headers: dict[str, str], status: int
) -> None:
    answer = admin.post("/logout", data={"csrf_token": admin.form_token}, headers=headers)
    assert answer.status_code == status
    assert admin.get("/people").status_code == (200 if status == 403 else 303)


def test_a_link_from_another_site_may_be_followed(admin: Browser) -> None:
    assert admin.get("/people", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
