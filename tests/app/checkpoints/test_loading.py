"""The page of a checkpoint says how workers load it, and changes that."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import AuditEntry, Checkpoint
from tests.app.conftest import Browser
from tests.factories import make_checkpoint

USUAL = {
    "dtype": "auto",
    "longest": "2048",
    "tensor_parallel": "1",
    "pipeline_parallel": "1",
    "gpu_memory_utilization": "0.9",
}


@pytest.fixture
def checkpoint(db: Session) -> Checkpoint:
    made = make_checkpoint(db, name="large")
    db.commit()
    return made


def test_the_page_shows_the_settings_and_saves_others(researcher: Browser, db: Session, checkpoint: Checkpoint) -> None:
    path = f"/checkpoints/{checkpoint.id}"
    assert "at most 2,048 tokens, on one GPU, with 90\u00a0% of a GPU's memory" in researcher.get(path).text
    changed = USUAL | {"tensor_parallel": "8", "pipeline_parallel": "2", "enforce_eager": "true"}

    done = researcher.submit(f"{path}/loading", **changed)

    assert (done.status_code, done.headers["location"]) == (303, path)
    page = researcher.get(path).text
    assert "on 8 GPUs that share each layer of each of 2 nodes" in page
    assert "without CUDA graphs" in page
    db.refresh(checkpoint)
    assert checkpoint.engine_settings == {"tensor_parallel": 8, "pipeline_parallel": 2, "enforce_eager": True}
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "checkpoint.engine_settings")).one()
    assert entry.actor_id is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [("dtype", "int4"), ("longest", "0"), ("tensor_parallel", "many"), ("gpu_memory_utilization", "nan")],
)
def test_nonsense_is_refused_and_changes_nothing(
    researcher: Browser, db: Session, checkpoint: Checkpoint, field: str, value: str
) -> None:
    assert researcher.submit(f"/checkpoints/{checkpoint.id}/loading", **(USUAL | {field: value})).status_code == 422

    db.refresh(checkpoint)
    assert checkpoint.engine_settings == {}


def test_a_checkpoint_that_is_not_there_has_no_settings(researcher: Browser) -> None:
    assert researcher.submit("/checkpoints/12345/loading", **USUAL).status_code == 404
