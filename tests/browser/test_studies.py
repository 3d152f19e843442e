"""A researcher steers the writing and the reading on a study's page, in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.domain.scoring_queue import set_scoring
from app.models.person import Role
from app.models.system import GenerationState
from tests.browser import axe
from tests.factories import make_checkpoint, make_continuation, make_dataset, make_passage, make_study, make_system

pytestmark = pytest.mark.browser


@pytest.fixture
def slug(engine: Engine) -> str:
    """A study with a system that failed half way, and a checkpoint that could not read."""
    with Session(engine) as session:
        study, checkpoint = make_study(session, title="A study"), make_checkpoint(session, name="SmolLM2-135M")
        failed = {"state": GenerationState.FAILED, "reason": "Of the 16.1 GB that it needs, 4.0 GB are free."}
        system = make_system(session, study, checkpoint_id=checkpoint.id, name="SmolLM2-135M greedy", **failed)
        dataset = make_dataset(session, study, name="news")
        make_continuation(session, system, make_passage(session, dataset, unjudged=True))
        make_passage(session, dataset)
        set_scoring(session, study.id, checkpoint.id, GenerationState.FAILED, reason="Its files are not there.")
        session.commit()
        return study.slug


def test_writing_is_retried_paused_and_cancelled_by_buttons(slug: str, log_in: Callable[..., Page]) -> None:
    page = log_in(Role.RESEARCHER)
    page.goto(f"/studies/{slug}")
    writing = page.get_by_role("article", name="SmolLM2-135M greedy", exact=True)
    expect(writing.get_by_text("Of the 16.1 GB")).to_be_visible()
    axe.check(page, name="failed")

    page.get_by_role("button", name="Write what is missing by SmolLM2-135M greedy").click()

    expect(writing.get_by_text("waiting for a worker")).to_be_visible()
    axe.check(page, name="queued")

    page.get_by_role("button", name="Pause writing by SmolLM2-135M greedy").click()

    expect(writing.get_by_text("paused")).to_be_visible()
    axe.check(page, name="paused")

    page.get_by_role("button", name="Write what is missing by SmolLM2-135M greedy").click()
    page.get_by_role("button", name="Cancel writing by SmolLM2-135M greedy").click()

    expect(writing.get_by_text("not started")).to_be_visible()
    axe.check(page, name="cancelled")


def test_reading_that_failed_says_why_and_is_tried_again_by_a_button(slug: str, log_in: Callable[..., Page]) -> None:
    page = log_in(Role.RESEARCHER)
    page.goto(f"/studies/{slug}")
    reading = page.get_by_role("article", name="Reading by SmolLM2-135M")
    expect(reading.get_by_text("Its files are not there.")).to_be_visible()
    expect(reading.get_by_text("0 of 1 passages")).to_be_visible()

    page.get_by_role("button", name="Read what is missing").click()

    expect(reading.get_by_text("waiting for a worker")).to_be_visible()
    axe.check(page)
