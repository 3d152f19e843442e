"""Workers that are killed with -9 lose at most the batch in hand, and nothing is written twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.domain.generation_queue import queue_generation
from app.models import Candidacy, Comparison, Continuation, Score, Study, System
from app.models.system import GenerationState, Strategy
from tests.factories import make_system
from tests.faults.house import is_alive
from tests.generation.pool import commit_system
from tests.skips import needs_proc

pytestmark = [pytest.mark.faults, needs_proc]
PATIENCE_S = 300


@pytest.fixture
def start_worker(database_url: str) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a worker, as often as called; all of them are gone in the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        environment = os.environ | {"DATABASE_URL": database_url, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        started.append(subprocess.Popen([sys.executable, "-m", "tests.faults.hasty_worker"], env=environment))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()
        worker.wait()


def children(worker: subprocess.Popen[bytes]) -> list[int]:
    """The processes in which it runs a model, or has one ready for the next job."""
    files = [file for file in Path(f"/proc/{worker.pid}/task").glob("*/children") if file.exists()]
    return [int(pid) for file in files for pid in file.read_text().split()]


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "nothing happened for five minutes"
        time.sleep(0.1)


def commit_three_systems(engine: Engine, checkpoint: Path, *, passages: int) -> int:
    """A greedy system of a study, one that samples and one that may repeat less, queued; returns the study's id."""
    greedy = commit_system(engine, checkpoint, passages=passages)
    with Session(engine) as session:
        study = session.get_one(Study, greedy.study_id)
        make_system(session, study, checkpoint_id=greedy.checkpoint_id, strategy=Strategy.NUCLEUS, temperature=5.0)
        make_system(session, study, checkpoint_id=greedy.checkpoint_id, repetition_penalty=1.5)
        queue_generation(session, study)
        session.commit()
        return study.id


def are_written(engine: Engine) -> bool:
    with Session(engine) as session:
        return set(session.scalars(select(System.state))) == {GenerationState.DONE}


def assert_each_exactly_once(engine: Engine, *, passages: int) -> None:
    with Session(engine) as session:
        counts = session.execute(select(func.count()).select_from(Continuation).group_by(Continuation.system_id))
        assert [count for (count,) in counts] == [passages] * 3
        assert session.scalar(select(func.count()).select_from(Candidacy)) == 3 * 2 * passages
        numbers = list(session.scalars(select(Comparison.number).order_by(Comparison.number)))
        assert numbers == list(range(1, len(numbers) + 1))
        assert session.scalars(select(Study.comparisons)).one() == len(numbers)


def test_ten_kills_at_random_moments_leave_each_continuation_exactly_once(
    engine: Engine, tiny_checkpoint: Path, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    passages, moments = 24, random.Random(4)
    commit_three_systems(engine, tiny_checkpoint, passages=passages)
    workers = [start_worker() for _ in range(3)]
    struck_at_work = 0

    for _ in range(10):
        wait_until(lambda: any(map(children, workers)) or are_written(engine))
        time.sleep(moments.uniform(0, 4))
        victim = moments.choice([worker for worker in workers if children(worker)] or workers)
        struck_at_work += bool(children(victim))
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        workers[workers.index(victim)] = start_worker()
    wait_until(lambda: are_written(engine))

    assert struck_at_work >= 5
    assert_each_exactly_once(engine, passages=passages)


def test_model_processes_that_are_killed_cost_no_more_than_their_batch(
    engine: Engine,
    tiny_checkpoint: Path,
    start_worker: Callable[[], subprocess.Popen[bytes]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    passages, moments = 24, random.Random(5)
    commit_three_systems(engine, tiny_checkpoint, passages=passages)
    worker = start_worker()

    for _ in range(2):  # a third crash in one job would be a reason to give up
        wait_until(lambda: bool(children(worker)))
        time.sleep(moments.uniform(0, 8))
        for pid in children(worker):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not children(worker))
    wait_until(lambda: are_written(engine))

    assert_each_exactly_once(engine, passages=passages)
    # one load at the most for each process, and none for each of the systems
    assert 1 <= capfd.readouterr().err.count("loads the checkpoint") <= 3
    left = children(worker)
    worker.kill()
    wait_until(lambda: not any(map(is_alive, left)))


def test_the_work_of_a_killed_worker_is_taken_over_by_another(
    engine: Engine, tiny_checkpoint: Path, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    passages = 4
    study_id = commit_three_systems(engine, tiny_checkpoint, passages=passages)
    workers = [start_worker() for _ in range(3)]
    wait_until(lambda: sum(map(bool, map(children, workers))) == 3)  # one for each system
    victim = next(filter(children, workers))

    victim.send_signal(signal.SIGKILL)

    wait_until(lambda: are_written(engine))
    assert_each_exactly_once(engine, passages=passages)
    # and then the checkpoint they share read the passages, once
    wait_until(lambda: _scores(engine, study_id) == passages)


def _scores(engine: Engine, study_id: int) -> int:
    with Session(engine) as session:
        return session.scalars(select(func.count()).where(Score.study_id == study_id)).one()
