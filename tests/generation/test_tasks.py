"""The jobs: what happens to a system when its child ends well, is stopped, crashes or finds somebody else at work."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from procrastinate import JobContext
from procrastinate.exceptions import JobAborted
from procrastinate.job_context import AbortReason
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.domain.scoring_queue import scoring_lock, set_scoring
from app.models import Continuation, DownstreamRun, Score, Scoring, System
from app.models.system import GenerationState
from app.queue import is_queued
from generation import attempts
from generation.attempts import BusyError
from generation.child import AbortedError, CrashedError
from generation.generate import Order, Outcome
from generation.model_process import ModelProcess
from generation.scoring import ScoringOrder
from generation.tasks import LaterOn, downstream, generate, score
from tests.generation.pool import commit_system

KILLED, FAILED = -9, 1


@pytest.fixture
def system(engine: Engine, tiny_checkpoint: Path) -> System:
    """A system that lacks two continuations."""
    return commit_system(engine, tiny_checkpoint, passages=2)


def context(engine: Engine, *, reason: AbortReason | None = None, batch: int = 32) -> JobContext:
    """What a worker gives to a job."""
    url = engine.url.render_as_string(hide_password=False)
    orders = {"database_url": url, "first_batch": 8, "batch": batch}
    found: Any = SimpleNamespace(
        additional_context={"orders": orders, "models": ModelProcess(idle_s=5)},
        job=SimpleNamespace(id=1),
        should_abort=lambda: reason is not None,
        abort_reason=lambda: reason,
    )
    return found


def answers(monkeypatch: pytest.MonkeyPatch, *outcomes: Outcome | Exception) -> list[Order | ScoringOrder]:
    """Children that end like this, one after the other; returns their orders."""
    orders: list[Order | ScoringOrder] = []
    left = iter(outcomes)

    def work(_self: ModelProcess, order: Order | ScoringOrder, _should_abort: Callable[[], bool]) -> Outcome:
        orders.append(order)
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(ModelProcess, "work", work)
    monkeypatch.setattr(attempts.time, "sleep", lambda _seconds: None)
    return orders


def state_of(engine: Engine, system: System) -> tuple[GenerationState, str | None]:
    with Session(engine) as session:
        found = session.get_one(System, system.id)
        return found.state, found.reason


def is_scoring_queued(engine: Engine, system: System) -> bool:
    with Session(engine) as session:
        return is_queued(session, scoring_lock(system.study_id, system.checkpoint_id))


def test_a_real_child_writes_and_scores(engine: Engine, system: System) -> None:
    worker = context(engine)

    generate.func(worker, system_id=system.id)

    assert state_of(engine, system) == (GenerationState.DONE, None)
    assert is_scoring_queued(engine, system)

    score.func(worker, study_id=system.study_id, checkpoint_id=system.checkpoint_id)

    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Continuation)) == 2
        assert session.scalar(select(func.count()).select_from(Score)) == 2


def test_a_real_child_is_stopped_in_its_tracks(engine: Engine, system: System) -> None:
    with pytest.raises(JobAborted):
        generate.func(context(engine, reason=AbortReason.SHUTDOWN), system_id=system.id)

    assert state_of(engine, system) == (GenerationState.QUEUED, None)


def test_what_was_done_just_before_it_was_stopped_stays_done(
    engine: Engine, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, AbortedError(), AbortedError())
    with Session(engine) as session:
        session.get_one(System, system.id).state = GenerationState.DONE
        set_scoring(session, system.study_id, system.checkpoint_id, GenerationState.DONE)
        session.commit()
    stopping = context(engine, reason=AbortReason.SHUTDOWN)

    with pytest.raises(JobAborted):
        generate.func(stopping, system_id=system.id)
    with pytest.raises(JobAborted):
        score.func(stopping, study_id=system.study_id, checkpoint_id=system.checkpoint_id)

    assert state_of(engine, system)[0] is GenerationState.DONE
    with Session(engine) as session:
        assert session.scalars(select(Scoring.state)).one() is GenerationState.DONE


def test_what_somebody_stopped_is_not_queued_again(
    engine: Engine, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, AbortedError())

    with pytest.raises(JobAborted):
        generate.func(context(engine, reason=AbortReason.USER_REQUEST), system_id=system.id)

    assert state_of(engine, system) == (GenerationState.IDLE, None)
    assert not is_scoring_queued(engine, system)


def test_a_killed_child_is_tried_again_with_batches_half_as_large(
    engine: Engine, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = answers(monkeypatch, CrashedError(KILLED), CrashedError(FAILED), Outcome.DONE)

    generate.func(context(engine, batch=12), system_id=system.id)

    assert [order.batch for order in orders] == [12, 6, 6]
    assert [order.first_batch for order in orders if isinstance(order, Order)] == [8, 6, 6]


def test_three_crashes_are_a_reason(engine: Engine, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, *[CrashedError(KILLED)] * 3)

    generate.func(context(engine), system_id=system.id)

    state, reason = state_of(engine, system)
    assert state is GenerationState.FAILED
    assert "was killed by signal 9, 3 times: most often it needs more memory" in str(reason)


def test_a_scoring_that_crashes_has_its_reason_too(
    engine: Engine, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = answers(monkeypatch, *[CrashedError(KILLED)] * 3)

    score.func(context(engine, batch=3), study_id=system.study_id, checkpoint_id=system.checkpoint_id)

    assert [order.batch for order in orders] == [3, 1, 1]
    with Session(engine) as session:
        assert session.scalars(select(Scoring.state)).one() is GenerationState.FAILED


def test_an_evaluation_that_is_killed_is_tried_again_with_batches_half_as_large(
    engine: Engine, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session(engine) as session:
        run = DownstreamRun(checkpoint_id=system.checkpoint_id, tasks=["mmlu"], shots=[0], seed=1234)
        session.add(run)
        session.commit()
        run_id = run.id
    orders: list[Mapping[str, object]] = []

    def alone(_self: ModelProcess, module: str, order: Mapping[str, object], _should_abort: object) -> Outcome:
        orders.append({"module": module, **order})
        raise CrashedError(KILLED)

    monkeypatch.setattr(ModelProcess, "alone", alone)
    monkeypatch.setattr(attempts.time, "sleep", lambda _seconds: None)

    downstream.func(context(engine, batch=12), run_id=run_id)

    assert [order["batch"] for order in orders] == [12, 6, 3]
    assert {order["module"] for order in orders} == {"generation.downstream.evaluation"}
    with Session(engine) as session:
        ended = session.get_one(DownstreamRun, run_id)
        assert ended.state is GenerationState.FAILED
        assert "was killed by signal 9, 3 times" in str(ended.reason)


def test_a_job_waits_while_somebody_else_is_at_the_same_work(
    engine: Engine, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, Outcome.BUSY)

    with pytest.raises(BusyError):
        generate.func(context(engine), system_id=system.id)


def test_a_failed_system_leaves_its_checkpoint_unscored(
    engine: Engine, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, Outcome.FAILED)

    generate.func(context(engine), system_id=system.id)

    assert not is_scoring_queued(engine, system)


@pytest.mark.parametrize(
    ("error", "wait_s"), [(JobAborted(), 0), (BusyError(), 10), (ValueError("a mistake of ours"), None)]
)
def test_only_stopped_and_busy_jobs_come_back(error: Exception, wait_s: int | None) -> None:
    decision = LaterOn().get_retry_decision(exception=error, job=None)  # type: ignore[arg-type]

    assert (decision is None) == (wait_s is None)
