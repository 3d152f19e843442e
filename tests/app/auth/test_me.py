"""/me: one's own account."""

import re

import pytest
from fastapi import FastAPI

from tests.app.conftest import PASSWORD, Browser

NEW = "seven blue teapots"
FORM = {"current": PASSWORD, "password": NEW, "again": NEW}


def test_the_page_says_who_one_is(annotator: Browser) -> None:
    page = annotator.get("/me")
    assert page.status_code == 200
    assert annotator.email in page.text


def test_a_new_password_logs_every_other_browser_out(app: FastAPI, annotator: Browser) -> None:
    other = Browser(app)
    other.log_in(annotator.email)
    before = annotator.cookie
    changed = annotator.submit("/me/password", **FORM)
    assert (changed.status_code, changed.headers["location"]) == (303, "/me?changed=true")
    assert annotator.cookie != before
    assert "Your password is changed" in annotator.get("/me?changed=true").text
    assert other.get("/me").status_code == 303
    assert [other.log_in(annotator.email, password).status_code for password in (PASSWORD, NEW)] == [401, 303]


def test_a_new_password_of_one_s_own_leaves_tokens_and_says_so(app: FastAPI, researcher: Browser) -> None:
    made = researcher.submit("/me/tokens", name="notebook", scopes=["read"], days=7)
    token = re.search(r'value="(toprank_[\w-]+)"', made.text)
    assert token
    assert researcher.submit("/me/password", **FORM).status_code == 303
    page = researcher.get("/me?changed=true").text
    assert "leaves these tokens as they are" in page
    assert 'href="/me/tokens"' in page
    answer = Browser(app).get("/api/v1/tokens", headers={"Authorization": f"Bearer {token[1]}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"current": "a wrong password"}, "The present password is wrong"),
        ({"again": "seven blue teapot"}, "The two passwords differ"),
        ({"password": "short", "again": "short"}, "12 to 128 characters"),
    ],
)
def test_a_refused_change_changes_nothing(app: FastAPI, annotator: Browser, fields: dict[str, str], says: str) -> None:
    refused = annotator.submit("/me/password", **{**FORM, **fields})
    assert refused.status_code == 422
    assert says in refused.text
    assert annotator.get("/me").status_code == 200
    assert Browser(app).log_in(annotator.email, PASSWORD).status_code == 303


def test_guessing_the_present_password_is_limited(annotator: Browser) -> None:
    guesses = [annotator.submit("/me/password", **{**FORM, "current": f"guess {n}"}).status_code for n in range(11)]
    assert guesses == [422] * 10 + [429]
