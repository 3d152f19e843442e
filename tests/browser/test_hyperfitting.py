"""A researcher orders a run and watches it, in a real browser."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.domain.hyperfit_curves import record_point, record_updates
from app.domain.hyperfitting import fail_training
from app.models import Checkpoint, HyperfitRun
from app.models.person import Role
from tests.browser import axe
from tests.factories import make_checkpoint

pytestmark = pytest.mark.browser


def measure(engine: Engine, update: int, loss: float) -> int:
    """A validation of the only run; its checkpoint's id."""
    texts = [{"context": "Once upon a time", "continuation": f" there were {loss} of them." * 20}]
    point = {"train_loss": loss if update else None, "validation_loss": 3.0, "entropy": 1.5, "texts": texts}
    with Session(engine) as session:
        run = session.scalars(select(HyperfitRun)).one()
        ratios = {"ttr_first_96": 0.5, "ttr_last_96": 0.4}
        record_point(session, run.checkpoint_id, {"update": update, "epoch": update / 2, **point, **ratios})
        record_updates(session, run.checkpoint_id, update, 1234.0)
        session.commit()
        return run.checkpoint_id


def test_a_run_is_ordered_watched_and_gone_on_with(engine: Engine, log_in: Callable[..., Page]) -> None:
    with Session(engine) as session:
        make_checkpoint(session, name="SmolLM2-135M")
        session.commit()
    page = log_in(Role.RESEARCHER)
    page.goto("/checkpoints/hyperfit")
    page.get_by_text("More choices").click()
    axe.check(page, name="form")
    page.get_by_label("Name of the new checkpoint").fill("sharp")
    words = json.dumps({"text": "one text"}).encode()
    page.get_by_label("Texts, as").set_input_files({"name": "a.jsonl", "mimeType": "text/plain", "buffer": words})
    page.get_by_label("A number of updates").fill("4")
    page.get_by_role("button", name="Hyperfit").click()
    expect(page.get_by_text("It waits for a worker")).to_be_visible()
    axe.check(page, name="waiting")

    measure(engine, 0, 4.0)
    checkpoint_id = measure(engine, 2, 1.0)

    # the page asks by itself
    expect(page.get_by_text("2 of at most 4 updates")).to_be_visible(timeout=10_000)
    expect(page.get_by_role("img", name="Loss over 4 updates; latest: training 1.000")).to_be_visible()
    page.get_by_text("Before the first update").click()
    axe.check(page, name="training")
    measure(engine, 3, 0.5)
    expect(page.get_by_text("3 of at most 4 updates")).to_be_visible(timeout=10_000)
    expect(page.locator("#texts-0")).to_have_attribute("open", "")  # what somebody reads stays open

    with Session(engine) as session:
        fail_training(session, checkpoint_id, "There was too little of something.")
        session.commit()

    expect(page.get_by_role("button", name="Go on")).to_be_visible(timeout=10_000)
    axe.check(page, name="failed")
    page.goto("/checkpoints")
    axe.check(page, name="list")
    with Session(engine) as session:
        assert session.get_one(Checkpoint, checkpoint_id).reason == "There was too little of something."
