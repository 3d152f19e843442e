"""Who asks the API from a page of ours: by the login and the form token of the browser, or by a token like programs."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from httpx2 import Response
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.form_tokens import HEADER
from app.models import LoginSession
from app.models.person import Role
from tests.app.conftest import ORIGIN, Browser

FILES = {"name": "mine", "files": []}


def begin(browser: Browser, **headers: str) -> Response:
    return browser.post("/api/v1/uploads", json=FILES, headers={"Origin": ORIGIN, **headers})


def test_a_page_s_script_asks_with_the_login_and_the_form_token(researcher: Browser) -> None:
    assert researcher.get("/api/v1/checkpoints/1").status_code == 404
    # which says that what was sent was looked at: no checkpoint has no files
    assert begin(researcher, **{HEADER: researcher.form_token}).status_code == 422


@pytest.mark.parametrize("headers", [{}, {HEADER: "another"}])
def test_a_login_alone_changes_nothing(researcher: Browser, headers: dict[str, str]) -> None:
    refused = begin(researcher, **headers)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")


def test_a_token_that_is_sent_is_the_one_that_counts(researcher: Browser) -> None:
    headers = {"Authorization": "Bearer wrong", HEADER: researcher.form_token}
    assert begin(researcher, **headers).status_code == 401


def test_it_is_not_for_annotators_and_not_for_the_anonymous(annotator: Browser, anonymous: Browser) -> None:
    assert annotator.get("/api/v1/checkpoints/1").status_code == 403
    assert anonymous.get("/api/v1/checkpoints/1").status_code == 401
    anonymous.get("/login")  # which leaves a cookie that nobody is logged in by
    assert anonymous.get("/api/v1/checkpoints/1").status_code == 401


def test_asking_counts_as_being_there(browser: Callable[[Role], Browser], db: Session) -> None:
    researcher, half_an_hour = browser(Role.RESEARCHER), timedelta(minutes=30)
    db.execute(update(LoginSession).values(last_seen_at=LoginSession.last_seen_at - half_an_hour))
    db.commit()
    assert researcher.get("/api/v1/checkpoints/1").status_code == 404
    db.execute(update(LoginSession).values(last_seen_at=LoginSession.last_seen_at - timedelta(minutes=45)))
    db.commit()
    assert researcher.get("/api/v1/checkpoints/1").status_code == 404
    db.execute(update(LoginSession).values(last_seen_at=LoginSession.last_seen_at - timedelta(minutes=61)))
    db.commit()
    assert researcher.get("/api/v1/checkpoints/1").status_code == 401
