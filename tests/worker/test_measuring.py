"""The job that measures: what stays when it is stopped, or when its process ends badly."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from procrastinate.exceptions import JobAborted
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.models import Measuring, Study
from app.models.system import GenerationState
from tests.factories import make_study
from worker.measuring import measure


@pytest.fixture
def study(engine: Engine) -> Study:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        return make_study(session)


def run(engine: Engine, study: Study, *, should_abort: bool = False) -> None:
    orders = {"database_url": engine.url.render_as_string(hide_password=False)}
    context: Any = SimpleNamespace(additional_context={"orders": orders}, should_abort=lambda: should_abort)
    measure.func(context, study_id=study.id)


def found(engine: Engine, study: Study) -> Measuring:
    with Session(engine) as session:
        return session.get_one(Measuring, study.id)


def test_a_measurement_that_is_stopped_waits_for_a_worker_again(engine: Engine, study: Study) -> None:
    with pytest.raises(JobAborted):
        run(engine, study, should_abort=True)

    assert found(engine, study).state is GenerationState.QUEUED


def test_a_process_that_ends_badly_is_said_on_the_page(
    engine: Engine, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "false")

    run(engine, study)

    measuring = found(engine, study)
    assert measuring.state is GenerationState.FAILED
    assert measuring.reason == "The process that measures ended with exit code 1; the worker's log says why."
