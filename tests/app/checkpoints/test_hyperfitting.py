"""Ordering a run on a page, and watching it."""

from itertools import pairwise
from typing import get_args

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.checkpoints.chart import HEIGHT, MOST_DOTS, WIDTH, draw
from app.checkpoints.hyperfitting import HyperfitForm
from app.domain.hyperfit_curves import record_point, record_updates
from app.domain.hyperfitting import finish_training
from app.models import Checkpoint, HyperfitPoint, HyperfitRun
from app.models.checkpoint import CheckpointState
from hyperfitting.config import HyperfitConfig, Keep, Order, Precision
from tests.app.conftest import ORIGIN, Browser
from tests.factories import make_checkpoint

FIELDS = {"base": "tiny", "name": "mine", "samples": "16", "epochs": "3"}


def order(browser: Browser, *, file: tuple[str, bytes] = ("words.txt", b"one text\n\nanother"), **fields: str):
    sent = {"csrf_token": browser.form_token, **FIELDS, **fields}
    return browser.post("/checkpoints/hyperfit", data=sent, files={"texts": file}, headers={"Origin": ORIGIN})


@pytest.fixture
def base(db: Session) -> Checkpoint:
    """A checkpoint to hyperfit."""
    made = make_checkpoint(db, name="tiny")
    db.commit()
    return made


def ordered(db: Session) -> HyperfitRun:
    return db.scalars(select(HyperfitRun)).one()


def make_point(update: int, **columns: float | None) -> dict:
    point = {"update": update, "epoch": update / 2, "train_loss": 2.0, "validation_loss": 3.0, "entropy": 1.5}
    texts = [{"context": "<b>Once", "continuation": " upon a time"}]
    return {**point, "ttr_first_96": 0.5, "ttr_last_96": 0.4, "texts": texts, **columns}


def test_the_form_shows_the_papers_recipe_which_is_the_trainers_default(researcher, base):
    page = researcher.get("/checkpoints/hyperfit").text

    config = HyperfitConfig()
    for name, field in HyperfitForm.model_fields.items():
        if hasattr(config, name):
            assert field.default == getattr(config, name)
    for value in (config.samples, config.length, config.epochs, config.batch_size):
        assert f'value="{value}"' in page
    assert "<option>tiny</option>" in page


def test_every_choice_of_the_form_is_one_of_the_trainers(researcher, base, db):
    chosen = {"updates": "7", "stop_at_loss": "0.1", "accumulation": "2", "order": "shuffle-1", "precision": "bf16"}
    chosen |= {"gradient_checkpointing": "true", "validate_every": "3", "contexts": "0", "allow_overlap": "true"}

    assert order(researcher, keep="lowest-validation-loss", **chosen).status_code == 303

    config = HyperfitConfig.from_json(ordered(db).config)
    assert (config.updates, config.stop_at_loss, config.accumulation, config.validate_every) == (7, 0.1, 2, 3)
    assert (config.order, config.precision, config.keep) == (
        Order.SHUFFLE_1,
        Precision.BF16,
        Keep.LOWEST_VALIDATION_LOSS,
    )
    assert (config.gradient_checkpointing, config.contexts, config.allow_overlap) == (True, 0, True)
    assert ordered(db).total_updates == 7
    for name, kind in {"order": Order, "precision": Precision, "keep": Keep}.items():
        assert get_args(HyperfitForm.model_fields[name].annotation) == tuple(kind)


def test_choices_that_are_left_empty_are_the_papers(researcher, base, db):
    order(researcher, updates="", stop_at_loss="", validate_every="")

    assert HyperfitConfig.from_json(ordered(db).config) == HyperfitConfig(samples=16, epochs=3)


def test_only_ready_checkpoints_can_be_bases(researcher, db):
    make_checkpoint(db, name="half", state=CheckpointState.TRAINING)
    db.commit()

    assert "There is no checkpoint to begin with" in researcher.get("/checkpoints/hyperfit").text


def test_an_ordered_run_is_left_to_a_worker_and_shown(researcher, base, db):
    answer = order(researcher)

    assert answer.status_code == 303
    run = ordered(db)
    assert answer.headers["location"] == f"/checkpoints/{run.checkpoint_id}/hyperfitting"
    assert (run.base_id, run.total_updates) == (base.id, 6)
    assert HyperfitConfig.from_json(run.config).total_updates == 6
    assert db.scalars(text("SELECT task_name FROM procrastinate.procrastinate_jobs")).all() == ["hyperfitting:hyperfit"]
    page = researcher.get(answer.headers["location"]).text
    assert "It waits for a worker" in page
    assert 'hx-trigger="every 5s"' in page
    assert answer.headers["location"] in researcher.get("/checkpoints").text


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"samples": "0"}, 422),
        ({"lr": "nan"}, 422),
        ({"accumulation": "3"}, 422),
        ({"order": "backwards"}, 422),
        ({"base": "unknown"}, 404),
        ({"file": ("words.pdf", b"x")}, 422),
        ({"file": ("words.txt", b"")}, 422),
        ({"file": ("words.txt", b"a\0b")}, 400),
    ],
)
def test_what_cannot_be_trained_is_refused_and_leaves_nothing(researcher, base, db, changed, status):
    assert order(researcher, **changed).status_code == status

    assert db.scalars(select(HyperfitRun)).all() == []


def test_a_run_is_shown_as_it_goes_on_with_its_texts_escaped(researcher, base, db):
    where = order(researcher).headers["location"]
    run = ordered(db)
    record_point(db, run.checkpoint_id, make_point(0, train_loss=None))
    record_point(db, run.checkpoint_id, make_point(2))
    record_updates(db, run.checkpoint_id, 2, 1234.0)
    db.commit()

    fragment = researcher.get(where, headers={"HX-Request": "true"}).text

    assert "<html" not in fragment
    assert "2 of at most 6 updates" in fragment
    assert "1,234 tokens/s" in fragment
    assert fragment.count("<polyline") == 5
    assert "Type-token ratio of greedy texts over 6 updates; latest: first 96 tokens 0.500" in fragment
    assert "&lt;b&gt;Once" in fragment
    assert "What it writes after 2 updates" in fragment
    assert "Before the first update" in fragment


def test_a_finished_run_says_how_it_ended_and_its_pictures_end_there(researcher, base, db):
    where = order(researcher).headers["location"]
    run = ordered(db)
    for update in (0, 4):
        record_point(db, run.checkpoint_id, make_point(update))
    record_updates(db, run.checkpoint_id, 4, 1234.0)
    finish_training(db, run.checkpoint_id, {"ended": "below the loss 0.1"})
    db.commit()

    page = researcher.get(where).text

    assert "4 updates, ended below the loss 0.1" in page
    assert "Loss over 4 updates" in page


def test_a_failed_run_says_why_and_goes_on_at_a_click(researcher, base, db):
    where = order(researcher).headers["location"]
    made = db.get_one(Checkpoint, ordered(db).checkpoint_id)
    made.state, made.reason = CheckpointState.FAILED, "There was too little of something."
    db.execute(text("UPDATE procrastinate.procrastinate_jobs SET lock = NULL"))
    db.commit()

    page = researcher.get(where).text
    assert "There was too little of something." in page
    assert "every 5s" not in page
    assert researcher.submit(where).status_code == 303

    db.refresh(made)
    assert (made.state, made.reason) == (CheckpointState.TRAINING, None)


def test_a_checkpoint_that_was_not_trained_here_has_no_such_page(researcher, base):
    assert researcher.get(f"/checkpoints/{base.id}/hyperfitting").status_code == 404


def test_lines_go_from_corner_to_corner():
    points = [HyperfitPoint(**make_point(update, train_loss=loss)) for update, loss in ((0, None), (5, 3.0), (10, 1.5))]

    loss, entropy, ratio = draw(points, 10)

    assert [line.name for line in loss.lines] == ["training", "held out"]
    assert loss.high == pytest.approx(3.15)  # 5 % above the highest
    middle, end = loss.lines[0].places
    assert middle == pytest.approx((WIDTH / 2, HEIGHT * (1 - 3 / 3.15)))
    assert end == pytest.approx((WIDTH, HEIGHT * (1 - 1.5 / 3.15)))
    assert (ratio.low, ratio.high) == (0.0, 1.0)
    assert ratio.lines[1].places[0] == pytest.approx((0.0, HEIGHT * 0.6))
    assert entropy.lines[0].latest == 1.5


def test_measures_that_were_not_taken_are_not_drawn():
    assert draw([], 10) == []
    points = [HyperfitPoint(**make_point(0, ttr_first_96=None, ttr_last_96=None))]
    assert [panel.title for panel in draw(points, 10)] == ["Loss", "Entropy of the predictions"]


def test_of_more_dots_than_a_picture_shows_each_so_many_are_left_out_but_the_last():
    points = [HyperfitPoint(**make_point(update, ttr_first_96=None, ttr_last_96=None)) for update in range(1001)]

    loss, _ = draw(points, 1000)

    places = loss.lines[0].places
    assert len(places) <= MOST_DOTS
    assert (places[0][0], places[-1][0]) == (0.0, WIDTH)
    assert len({round(after[0] - before[0], 6) for before, after in pairwise(places[:-1])}) == 1
