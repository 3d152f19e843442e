"""A worker closes what has reached its stopping rule."""

import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.domain.studies import find_study
from app.models.protocol import Stopping
from app.models.study import StudyState
from tests.factories import make_study
from worker.app import app
from worker.closing import close_studies


def test_a_worker_closes_what_is_due_and_says_so(
    engine: Engine, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    due = datetime.now(UTC) - timedelta(minutes=1)
    with Session(engine) as session, session.begin():
        make_study(session, slug="due", stopping=Stopping.DATE, stop_at=due)
        make_study(session, slug="other")
    context: Any = SimpleNamespace(additional_context={"orders": {"database_url": database_url}})
    with caplog.at_level(logging.INFO, logger="toprank.worker"):
        close_studies.func(context, 0)
    with Session(engine) as session:
        states = [find_study(session, slug).state for slug in ("due", "other")]
    assert states == [StudyState.CLOSED, StudyState.OPEN]
    assert "Closed the study due: its protocol stops it at " in caplog.text


def test_every_worker_looks_every_ten_seconds() -> None:
    periodic = {task.task.name: task.cron for task in app.periodic_registry.periodic_tasks.values()}
    assert periodic["worker:close_studies"].endswith("*/10")
