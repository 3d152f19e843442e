"""A worker's process for models: loads are counted, and whatever ends it loses nothing but what it had in hand."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.domain.engine_settings import EngineSettings
from app.models import Checkpoint, Continuation, Score, Study, System
from app.models.system import GenerationState, Strategy
from generation.child import AbortedError, CrashedError
from generation.engines.base import CheckpointError
from generation.generate import Order, Outcome
from generation.loaded import AnotherCheckpointError, Loaded
from generation.model_process import ModelProcess
from generation.scoring import ScoringOrder
from tests.factories import make_checkpoint, make_system
from tests.generation.pool import commit_system

PASSAGES = 2


@dataclass(frozen=True)
class Pool:
    """A study with three systems of one checkpoint and two of another, and what a worker is told about them."""

    engine: Engine
    study_id: int
    systems: list[int]
    others: list[int]

    @property
    def url(self) -> str:
        """Where it is."""
        return self.engine.url.render_as_string(hide_password=False)

    def order(self, system_id: int) -> Order:
        """What a job asks for."""
        return Order(self.url, system_id, engine="transformers")

    def written(self) -> list[int]:
        """How many continuations each system has, those with none left out."""
        with Session(self.engine) as session:
            query = select(func.count()).select_from(Continuation).group_by(Continuation.system_id)
            return list(session.scalars(query))


@pytest.fixture
def pool(engine: Engine, tiny_checkpoint: Path, tmp_path: Path) -> Pool:
    greedy = commit_system(engine, tiny_checkpoint, passages=PASSAGES)
    with Session(engine) as session:
        study = session.get_one(Study, greedy.study_id)
        source = shutil.copytree(tiny_checkpoint, tmp_path / "other")
        other = make_checkpoint(session, source=str(source))
        first, second = greedy.checkpoint_id, other.id
        nucleus = make_system(session, study, checkpoint_id=first, strategy=Strategy.NUCLEUS, temperature=5.0)
        penalised = make_system(session, study, checkpoint_id=first, repetition_penalty=1.5)
        others = [make_system(session, study, checkpoint_id=second, top_k=number).id for number in (1, 2)]
        session.commit()
        return Pool(engine, study.id, [greedy.id, nucleus.id, penalised.id], others)


@pytest.fixture
def models() -> Iterator[ModelProcess]:
    with closing(ModelProcess()) as models:
        yield models


@pytest.fixture
def loads(capfd: pytest.CaptureFixture[str]) -> Callable[[], int]:
    """Counts what the processes say that they load, since it was last asked."""
    return lambda: capfd.readouterr().err.count("loads the checkpoint")


def never() -> bool:
    return False


def pid_of(models: ModelProcess) -> int:
    """Of the process that is there."""
    assert models._child is not None
    return models._child.pid


def test_systems_of_one_checkpoint_and_its_reading_load_it_once(
    pool: Pool, models: ModelProcess, loads: Callable[[], int]
) -> None:
    assert [models.work(pool.order(one), never) for one in pool.systems] == [Outcome.DONE] * 3
    with Session(pool.engine) as session:
        checkpoint_id = session.get_one(System, pool.systems[0]).checkpoint_id
    assert models.work(ScoringOrder(pool.url, pool.study_id, checkpoint_id), never) is Outcome.DONE
    assert loads() == 1

    assert [models.work(pool.order(one), never) for one in pool.others] == [Outcome.DONE] * 2
    assert loads() == 1

    assert pool.written() == [PASSAGES] * 5
    with Session(pool.engine) as session:
        assert session.scalar(select(func.count()).select_from(Score)) == PASSAGES


def test_another_number_format_is_loaded_anew(pool: Pool, models: ModelProcess, loads: Callable[[], int]) -> None:
    models.work(pool.order(pool.systems[0]), never)
    with Session(pool.engine) as session:
        checkpoint = session.get_one(Checkpoint, session.get_one(System, pool.systems[0]).checkpoint_id)
        checkpoint.engine_settings = EngineSettings(dtype="bfloat16").changed()
        session.commit()

    models.work(pool.order(pool.systems[1]), never)

    assert loads() == 2
    assert pool.written() == [PASSAGES] * 2


def test_an_idle_process_ends_and_another_takes_its_place(pool: Pool, loads: Callable[[], int]) -> None:
    with closing(ModelProcess(idle_s=0.1)) as models:
        models.work(pool.order(pool.systems[0]), never)
        pid = pid_of(models)
        deadline = time.monotonic() + 30
        while models._child is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

        models.work(pool.order(pool.systems[1]), never)

    assert loads() == 2
    assert pool.written() == [PASSAGES] * 2


def test_an_order_that_comes_while_the_process_is_ending_is_carried_out(pool: Pool) -> None:
    """Orders come at about the moment at which the last one's rest is over, a little earlier or later each time."""
    with closing(ModelProcess(idle_s=0.05)) as models:
        for number in range(8):
            assert models.work(pool.order(pool.systems[number % 3]), never) is Outcome.DONE
            time.sleep(0.046 + 0.001 * number)

    assert pool.written() == [PASSAGES] * 3


def test_a_process_that_was_killed_while_it_rested_costs_no_attempt(
    pool: Pool, models: ModelProcess, loads: Callable[[], int]
) -> None:
    models.work(pool.order(pool.systems[0]), never)
    os.kill(pid_of(models), signal.SIGKILL)
    os.waitid(os.P_PID, pid_of(models), os.WEXITED | os.WNOWAIT)

    assert models.work(pool.order(pool.systems[1]), never) is Outcome.DONE
    assert loads() == 2


def test_a_process_that_is_killed_at_work_loses_that_order_alone(pool: Pool, models: ModelProcess) -> None:
    models.work(pool.order(pool.systems[0]), never)
    with Session(pool.engine) as held:
        # so that it cannot be done before it is killed
        held.execute(select(Study).with_for_update())
        kill = threading.Timer(1, os.kill, args=(pid_of(models), signal.SIGKILL))
        kill.start()
        with pytest.raises(CrashedError, match="was killed by signal 9"):
            models.work(pool.order(pool.systems[1]), never)

    assert [models.work(pool.order(one), never) for one in pool.systems[1:]] == [Outcome.DONE] * 2
    assert pool.written() == [PASSAGES] * 3


def test_a_process_that_is_told_to_stop_is_gone(pool: Pool, models: ModelProcess) -> None:
    models.work(pool.order(pool.systems[0]), never)
    pid = pid_of(models)
    with Session(pool.engine) as held:
        held.execute(select(Study).with_for_update())
        with pytest.raises(AbortedError):
            models.work(pool.order(pool.systems[1]), lambda: True)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_process_whose_order_failed_is_not_kept(pool: Pool, models: ModelProcess) -> None:
    with Session(pool.engine) as session:
        session.get_one(Checkpoint, session.get_one(System, pool.others[0]).checkpoint_id).source = "/gone"
        session.commit()

    assert models.work(pool.order(pool.others[0]), never) is Outcome.FAILED

    assert models._child is None
    with Session(pool.engine) as session:
        failed = session.get_one(System, pool.others[0])
        assert failed.state is GenerationState.FAILED
        assert "There is no folder /gone" in str(failed.reason)


def test_other_work_finds_the_memory_free(pool: Pool, models: ModelProcess) -> None:
    models.work(pool.order(pool.systems[0]), never)
    pid = pid_of(models)

    nobody = {"database_url": pool.url, "checkpoint_id": 12345}
    assert models.alone("generation.validating", nobody, never) is Outcome.DONE

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_in_one_process_a_checkpoint_takes_the_place_of_another(pool: Pool, tiny_checkpoint: Path) -> None:
    settings = EngineSettings()
    with closing(Loaded()) as loaded:
        engine = loaded.engine("auto", tiny_checkpoint, settings)
        assert loaded.engine("transformers", tiny_checkpoint, EngineSettings(longest=99)) is engine
        assert loaded.engine("transformers", tiny_checkpoint, EngineSettings(dtype="bfloat16")) is not engine
        assert not hasattr(engine, "model"), "its memory was given back"


def test_weights_that_are_a_link_to_nothing_are_a_reason(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "cached")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to(tmp_path / "blob")
    with closing(Loaded()) as loaded, pytest.raises(CheckpointError, match="cannot be loaded"):
        loaded.predictor(folder)


def test_weights_that_changed_in_their_folder_are_loaded_anew(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "retrained")
    with closing(Loaded(never_another=True)) as loaded:
        loaded.predictor(folder)
        weights = load_file(folder / "model.safetensors")
        (folder / "model.safetensors").unlink()
        save_file({name: 2 * tensor for name, tensor in weights.items()}, folder / "model.safetensors")
        with pytest.raises(AnotherCheckpointError):
            loaded.predictor(folder)
