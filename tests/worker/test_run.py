"""A worker takes jobs until it is told to stop, and gives back what it is at."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from app.domain.generation_queue import queue_generation
from app.errors import UnavailableError
from app.models import Study, System
from app.models.system import GenerationState
from tests.conftest import connect
from tests.generation.pool import commit_system
from worker import app as worker_app
from worker import run

JOBS = text("SELECT status::text FROM procrastinate.procrastinate_jobs WHERE queue_name = 'models'")


@pytest.fixture
def url(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> str:
    # what ends a worker that cannot stop would end the tests
    monkeypatch.setattr(run, "GIVE_UP_S", 3600)
    return engine.url.render_as_string(hide_password=False)


def queue(engine: Engine, checkpoint: Path, *, passages: int = 1) -> None:
    system = commit_system(engine, checkpoint, passages=passages)
    with Session(engine) as session:
        queue_generation(session, session.get_one(Study, system.study_id))
        session.commit()


def stop_when(engine: Engine, state: GenerationState) -> None:
    """Sends SIGTERM to this process once the system is in the state."""

    def wait() -> None:
        deadline = time.monotonic() + 120
        with Session(engine) as session:
            while session.scalars(select(System.state)).one() is not state and time.monotonic() < deadline:
                session.rollback()
                time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def test_a_worker_writes_what_is_queued_and_stops_when_told(engine: Engine, url: str, tiny_checkpoint: Path) -> None:
    queue(engine, tiny_checkpoint)
    stop_when(engine, GenerationState.DONE)

    run.run_worker(url, first_batch=1, batch=1)

    with Session(engine) as session:
        assert session.scalars(select(System.state)).one() is GenerationState.DONE
        # what ended well is no longer kept; the scores are left for the next worker
        assert set(session.scalars(JOBS)) <= {"todo"}


def test_a_job_in_hand_goes_back_to_the_queue(engine: Engine, url: str, tiny_checkpoint: Path) -> None:
    queue(engine, tiny_checkpoint, passages=100)
    stop_when(engine, GenerationState.RUNNING)

    run.run_worker(url, first_batch=1, batch=1)

    with Session(engine) as session:
        assert session.scalars(select(System.state)).one() is GenerationState.QUEUED
        assert session.scalars(JOBS).all() == ["todo"]


def cut_off(server: str, database: str) -> None:
    """Waits for a worker's connections, ends them and lets nobody in any more."""
    with connect(server) as connection:
        workers = "FROM pg_stat_activity WHERE datname = %s AND application_name = 'toprank worker'"
        deadline = time.monotonic() + 60
        while not connection.execute(f"SELECT {workers}", [database]).fetchall() and time.monotonic() < deadline:
            time.sleep(0.05)
        connection.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        connection.execute(f"SELECT pg_terminate_backend(pid) {workers}", [database])


def test_a_worker_that_loses_its_database_says_so_and_ends(
    engine: Engine, url: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_app, "WAIT_S", 1)
    threading.Thread(target=cut_off, args=(server, engine.url.database), daemon=True).start()

    with pytest.raises(UnavailableError, match="lost its database and stops; what it was doing is done again"):
        run.run_worker(url, first_batch=1, batch=1)
