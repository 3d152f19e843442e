"""A run that the database asks for, from ordering it to the texts that waited for it."""

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from procrastinate.exceptions import JobAborted
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from app.domain import hyperfit_curves, hyperfitting
from app.domain.hyperfit_curves import hyperfitting_of
from app.domain.hyperfit_plan import HyperfitPlan, Text
from app.domain.hyperfitting import order_training, training_lock
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import Checkpoint, System
from app.models.checkpoint import CheckpointState
from app.models.system import GenerationState
from generation import attempts
from generation.attempts import BusyError
from generation.child import CrashedError
from generation.generate import Outcome, session_holding
from generation.model_process import ModelProcess
from hyperfitting import tasks
from hyperfitting.config import HyperfitConfig
from hyperfitting.job import HyperfitOrder, train
from tests.factories import make_checkpoint, make_system
from tests.generation.pool import make_written_study
from tests.hyperfitting.conftest import SMALL, make_documents


def make_plan(config: HyperfitConfig = SMALL, **changed: object) -> HyperfitPlan:
    documents = make_documents(30)
    plan = HyperfitPlan(
        name="hyperfitted",
        base="tiny",
        texts_name="words.jsonl",
        texts=[Text(one.text, one.source) for one in documents],
        config=config.as_json(),
        total_updates=config.total_updates,
    )
    return replace(plan, **changed)


@pytest.fixture
def ordered(engine: Engine, tiny_checkpoint: Path, tmp_path: Path) -> HyperfitOrder:
    """A run that is ordered, and a study with a system that waits for it."""
    with Session(engine) as session:
        make_checkpoint(session, name="tiny", source=str(tiny_checkpoint))
        checkpoint = order_training(session, make_plan(), tmp_path / "store" / "made")
        study = make_written_study(session, passages=2)
        make_system(session, study, checkpoint_id=checkpoint.id)
        session.commit()
        return HyperfitOrder(engine.url.render_as_string(hide_password=False), checkpoint.id)


def jobs(engine: Engine) -> list[tuple[str, str]]:
    with Session(engine) as session:
        found = session.execute(
            text("SELECT task_name, status::text FROM procrastinate.procrastinate_jobs ORDER BY id")
        )
        return [(task, status) for task, status in found]


def checkpoint_of(engine: Engine, order: HyperfitOrder) -> Checkpoint:
    with Session(engine, expire_on_commit=False) as session:
        return session.get_one(Checkpoint, order.checkpoint_id)


def test_an_ordered_run_waits_for_a_worker(engine, ordered):
    assert jobs(engine) == [("hyperfitting:hyperfit", "todo")]
    assert checkpoint_of(engine, ordered).state is CheckpointState.TRAINING
    with Session(engine) as session:
        found = hyperfitting_of(session, session.get_one(Checkpoint, ordered.checkpoint_id))
        assert (found.base, found.share, found.points) == ("tiny", 0.0, [])


def test_a_finished_run_is_ready_with_its_curve_and_lets_what_waited_for_it_generate(engine, ordered):
    assert train(ordered) is Outcome.DONE

    checkpoint = checkpoint_of(engine, ordered)
    assert checkpoint.state is CheckpointState.READY
    assert (Path(checkpoint.source) / "model.safetensors").exists()
    with Session(engine) as session:
        found = hyperfitting_of(session, checkpoint)
        assert [point.update for point in found.points] == [0, 2, 4, 6]
        assert found.points[0].train_loss is None
        assert found.points[-1].texts[0].keys() == {"context", "continuation"}
        assert (found.run.updates, found.share) == (6, 1.0)
        assert found.run.tokens_per_second > 0
        assert found.run.lineage["config"] == SMALL.as_json()
        # the demo's passages have other words: nothing had to be left out
        assert found.run.lineage["overlap"] == "0 documents that overlap with 2 accepted passages were left out"
        assert session.scalars(select(System.state)).all() == [GenerationState.QUEUED]
    assert jobs(engine)[-1] == ("generation:generate", "todo")


def test_a_repeated_job_finds_nothing_to_do(engine, ordered):
    train(ordered)
    before = Path(checkpoint_of(engine, ordered).source, "model.safetensors").stat()

    assert train(ordered) is Outcome.DONE

    assert Path(checkpoint_of(engine, ordered).source, "model.safetensors").stat() == before


def test_a_run_that_somebody_else_is_at_is_left_alone(engine, ordered):
    with session_holding(ordered.database_url, training_lock(ordered.checkpoint_id)):
        assert train(ordered) is Outcome.BUSY

    assert checkpoint_of(engine, ordered).state is CheckpointState.TRAINING


def test_a_reason_that_a_person_can_act_on_goes_to_the_checkpoint_and_it_can_go_on(engine, ordered, tiny_checkpoint):
    with Session(engine) as session:
        base = session.scalars(select(Checkpoint).where(Checkpoint.name == "tiny")).one()
        base.source = "/nowhere/at/all"
        session.commit()

    assert train(ordered) is Outcome.FAILED

    failed = checkpoint_of(engine, ordered)
    assert failed.state is CheckpointState.FAILED
    assert "There is no folder /nowhere/at/all" in failed.reason
    with Session(engine) as session:
        session.scalars(select(Checkpoint).where(Checkpoint.name == "tiny")).one().source = str(tiny_checkpoint)
        session.execute(text("SET LOCAL search_path TO procrastinate"))
        session.execute(text("DELETE FROM procrastinate_jobs"))
        session.execute(text("SET LOCAL search_path TO public"))
        assert hyperfitting.queue_training(session, session.get_one(Checkpoint, ordered.checkpoint_id))
        session.commit()
    assert train(ordered) is Outcome.DONE


def test_too_few_sequences_are_said_on_the_checkpoint(engine, ordered):
    with Session(engine) as session:
        run = hyperfitting_of(session, session.get_one(Checkpoint, ordered.checkpoint_id)).run
        run.config = {**run.config, "samples": 2000}
        session.commit()

    assert train(ordered) is Outcome.FAILED

    assert "2000 were asked for" in checkpoint_of(engine, ordered).reason


def test_a_base_that_is_not_ready_fails_with_its_state(engine, ordered):
    with Session(engine) as session:
        session.scalars(select(Checkpoint).where(Checkpoint.name == "tiny")).one().state = CheckpointState.VALIDATING
        session.commit()

    assert train(ordered) is Outcome.FAILED

    assert "The base tiny is validating" in checkpoint_of(engine, ordered).reason


def test_a_run_with_its_job_in_the_queue_gets_no_second_one(engine, ordered):
    with Session(engine) as session:
        assert not hyperfitting.queue_training(session, session.get_one(Checkpoint, ordered.checkpoint_id))


def test_points_that_are_measured_again_replace_themselves(engine, ordered):
    point = {
        "update": 2,
        "epoch": 1.0,
        "train_loss": 2.0,
        "validation_loss": 3.0,
        "entropy": 1.0,
        "ttr_first_96": None,
        "ttr_last_96": None,
        "texts": [{"context": "a", "continuation": "b\0c"}],
    }
    with Session(engine) as session:
        hyperfit_curves.record_point(session, ordered.checkpoint_id, point)
        hyperfit_curves.record_point(session, ordered.checkpoint_id, {**point, "validation_loss": 4.0})
        hyperfit_curves.record_point(session, ordered.checkpoint_id, {**point, "update": 4})
        hyperfit_curves.forget_points_after(session, ordered.checkpoint_id, 2)
        session.commit()

        found = hyperfitting_of(session, session.get_one(Checkpoint, ordered.checkpoint_id)).points
        assert [(one.update, one.validation_loss) for one in found] == [(2, 4.0)]
        assert found[0].texts == [{"context": "a", "continuation": "bc"}]  # Postgres keeps no NUL


def test_a_name_that_is_taken_is_refused(engine, ordered, tmp_path):
    with Session(engine) as session, pytest.raises(ConflictError, match="There is a checkpoint 'hyperfitted' already"):
        order_training(session, make_plan(), tmp_path)


def test_what_is_trained_is_loaded_as_its_base_is(engine, ordered, tmp_path):
    with Session(engine) as session:
        make_checkpoint(session, name="large", engine_settings={"tensor_parallel": 8})
        made = order_training(session, make_plan(base="large", name="large, hyperfitted"), tmp_path)

        assert made.engine_settings == {"tensor_parallel": 8}


@pytest.mark.parametrize(
    ("changed", "error", "reason"),
    [
        ({"base": "unknown"}, NotFoundError, r"no checkpoint 'unknown' \(checkpoints: "),
        ({"name": " "}, ToprankError, "1 to 200 characters"),
        ({"name": "other", "texts": [Text("a\0b")]}, ToprankError, "NUL character"),
        ({"name": "other", "texts": [Text("a" * 64_000_001)]}, ToprankError, "more than 64,000,000 characters"),
    ],
)
def test_what_cannot_be_trained_is_refused_when_it_is_ordered(engine, ordered, tmp_path, changed, error, reason):
    with Session(engine) as session, pytest.raises(error, match=reason):
        order_training(session, make_plan(**changed), tmp_path)


def context(engine: Engine, *, should_abort: bool = False) -> SimpleNamespace:
    url = engine.url.render_as_string(hide_password=False)
    found = {"orders": {"database_url": url}, "models": ModelProcess()}
    return SimpleNamespace(additional_context=found, should_abort=lambda: should_abort)


def test_the_job_trains_in_a_process_of_its_own(engine, ordered):
    tasks.hyperfit.func(context(engine), checkpoint_id=ordered.checkpoint_id)

    assert checkpoint_of(engine, ordered).state is CheckpointState.READY


def test_a_worker_that_stops_gives_the_job_back(engine, ordered):
    with pytest.raises(JobAborted):
        tasks.hyperfit.func(context(engine, should_abort=True), checkpoint_id=ordered.checkpoint_id)

    assert checkpoint_of(engine, ordered).state is CheckpointState.TRAINING


def test_a_process_that_crashes_again_and_again_fails_the_checkpoint_with_what_to_do(engine, ordered, monkeypatch):
    calls = []

    def crash(*args: object) -> Outcome:
        calls.append(args)
        raise CrashedError(-9)

    monkeypatch.setattr(ModelProcess, "alone", crash)
    monkeypatch.setattr(attempts.time, "sleep", lambda seconds: None)

    tasks.hyperfit.func(context(engine), checkpoint_id=ordered.checkpoint_id)

    assert len(calls) == 3
    assert "was killed by signal 9, 3 times" in checkpoint_of(engine, ordered).reason


def test_a_job_whose_run_is_held_comes_back_later(engine, ordered, monkeypatch):
    monkeypatch.setattr(ModelProcess, "alone", lambda *args: Outcome.BUSY)

    with pytest.raises(BusyError):
        tasks.hyperfit.func(context(engine), checkpoint_id=ordered.checkpoint_id)


def test_nothing_stays_locked_while_a_run_computes(engine, ordered, monkeypatch):
    """Somebody can rename the base, say, while a run goes on."""
    from hyperfitting import job

    seen = []
    original = job.hyperfit

    def look(*args: object):
        def rename() -> None:
            with Session(engine) as other:
                other.execute(text("SET lock_timeout = '2s'"))
                other.scalars(select(Checkpoint).where(Checkpoint.name == "tiny")).one().reason = "seen"
                other.commit()
                seen.append(True)

        thread = threading.Thread(target=rename)
        thread.start()
        thread.join()
        return original(*args)

    monkeypatch.setattr(job, "hyperfit", look)

    assert train(ordered) is Outcome.DONE
    assert seen == [True]
