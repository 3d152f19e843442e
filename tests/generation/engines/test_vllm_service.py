"""What a worker does with vLLM: its process fills a real database, loads once, and may be killed at any moment."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.models import Continuation, Study, System, TrainingTexts
from generation.child import CrashedError
from generation.generate import Order, Outcome
from generation.model_process import ModelProcess
from tests.factories import make_system
from tests.generation.pool import commit_system

pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("default")]
PASSAGES = 6


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelProcess]:
    """A worker's process; where it keeps indexes is empty."""
    monkeypatch.setenv("TOPRANK_CACHE", str(tmp_path / "cache"))
    with closing(ModelProcess()) as models:
        yield models


def never() -> bool:
    return False


def order(engine: Engine, system: System) -> Order:
    url = engine.url.render_as_string(hide_password=False)
    return Order(url, system.id, engine="vllm", first_batch=2, batch=2)


def blocked_by_own_words(engine: Engine, first: System) -> System:
    """One more system of the same study and checkpoint, which may not cite what the first one wrote."""
    recited = [one.text for one in written(engine, first)]
    with Session(engine, expire_on_commit=False) as session:
        session.add(TrainingTexts(sha256="0" * 64, name="own words", texts=recited))
        session.flush()
        study = session.get_one(Study, first.study_id)
        columns = {"checkpoint_id": first.checkpoint_id, "training_texts_sha256": "0" * 64}
        made = make_system(session, study, block_citations=True, **columns)
        session.commit()
        return made


def written(engine: Engine, system: System) -> list[Continuation]:
    """In the order of their passages."""
    with Session(engine) as session:
        query = select(Continuation).where(Continuation.system_id == system.id)
        return list(session.scalars(query.order_by(Continuation.passage_id)))


def test_a_kill_costs_a_batch_and_what_comes_after_loads_once(
    engine: Engine, wide_checkpoint: Path, models: ModelProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    free = commit_system(engine, wide_checkpoint, passages=PASSAGES)
    is_killed = False

    def kill_once_something_is_written() -> bool:
        nonlocal is_killed
        if not is_killed and written(engine, free):
            is_killed = True
            assert models._child is not None
            os.kill(models._child.pid, signal.SIGKILL)
        return False

    with pytest.raises(CrashedError, match="was killed by signal 9"):
        models.work(order(engine, free), kill_once_something_is_written)
    before = {one.passage_id: one.token_ids for one in written(engine, free)}
    capfd.readouterr()

    assert models.work(order(engine, free), never) is Outcome.DONE

    after = {one.passage_id: one.token_ids for one in written(engine, free)}
    assert len(written(engine, free)) == len(after) == PASSAGES
    assert before.items() <= after.items()

    blocked = blocked_by_own_words(engine, free)
    assert models.work(order(engine, blocked), never) is Outcome.DONE

    assert capfd.readouterr().err.count("loads the checkpoint") == 1
    others = written(engine, blocked)
    assert sum(one.citation_blocks or 0 for one in others) > 0
    assert {one.text for one in others}.isdisjoint(one.text for one in written(engine, free))
