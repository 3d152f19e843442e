"""A researcher reads results and texts in a real browser: what axe-core finds, and that the pictures come."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.models import Study
from app.models.person import Role
from app.models.study import StudyState
from tests.browser import axe
from tests.golden import make_golden_study
from tests.golden_metrics import add_metrics

pytestmark = pytest.mark.browser


@pytest.fixture
def golden(engine: Engine) -> int:
    with Session(engine) as session:
        study = make_golden_study(session)
        session.commit()
        add_metrics(session, study)
        return study.id


def test_results_and_texts_are_accessible_and_their_pictures_come(
    engine: Engine, golden: int, log_in: Callable[..., Page]
) -> None:
    page = log_in(Role.RESEARCHER)
    page.goto("/studies/golden/results")
    expect(page.get_by_role("heading", name="Results of Golden")).to_be_visible()
    picture = page.locator("#table-1 img")
    picture.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('#table-1 img').naturalWidth > 100")
    axe.check(page)
    page.goto("/studies/golden/texts?system=tiny%2C+greedy&consensus=bad")
    axe.check(page)
    page.get_by_role("link", name="All continuations of this context").first.click()
    expect(page.get_by_role("heading", name="One context, every continuation")).to_be_visible()
    axe.check(page)


def test_before_the_close_a_look_is_taken_by_a_button(engine: Engine, golden: int, log_in: Callable[..., Page]) -> None:
    with Session(engine) as session:
        session.get_one(Study, golden).state = StudyState.OPEN
        session.commit()
    page = log_in(Role.RESEARCHER)
    page.goto("/studies/golden/results")
    axe.check(page)
    page.get_by_role("button", name="Take a look").click()
    expect(page.get_by_text("looks before the close: 1")).to_be_visible()
