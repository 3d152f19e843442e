"""How a checkpoint is loaded may change, but not what its texts were computed in."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.engine_settings import EngineSettings, change_engine_settings, engine_settings_of
from app.errors import ConflictError, ToprankError
from app.models import AuditEntry, Checkpoint
from tests.factories import make_checkpoint, make_continuation, make_dataset, make_passage, make_study, make_system


def make_written(session: Session) -> Checkpoint:
    """A checkpoint that has written a text."""
    study = make_study(session)
    system = make_system(session, study)
    make_continuation(session, system, make_passage(session, make_dataset(session, study)))
    return session.get_one(Checkpoint, system.checkpoint_id)


def test_what_differs_is_kept_and_put_on_record(session: Session) -> None:
    checkpoint = make_checkpoint(session)
    wanted = EngineSettings(dtype="bfloat16", tensor_parallel=4)

    change_engine_settings(session, checkpoint, wanted)

    assert checkpoint.engine_settings == {"dtype": "bfloat16", "tensor_parallel": 4}
    assert engine_settings_of(checkpoint) == wanted
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.detail["tensor_parallel"]) == ("checkpoint.engine_settings", 4)


def test_what_is_already_so_is_no_change(session: Session) -> None:
    change_engine_settings(session, make_checkpoint(session), EngineSettings())

    assert session.scalars(select(AuditEntry)).all() == []


def test_more_devices_may_come_while_a_system_writes_and_another_number_format_may_not(session: Session) -> None:
    checkpoint = make_written(session)

    change_engine_settings(session, checkpoint, EngineSettings(tensor_parallel=2, gpu_memory_utilization=0.8))

    with pytest.raises(ConflictError, match="has written in the number format auto already"):
        change_engine_settings(session, checkpoint, EngineSettings(dtype="float16"))
    assert checkpoint.engine_settings == {"tensor_parallel": 2, "gpu_memory_utilization": 0.8}


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"dtype": "int4"}, "choose from: auto, float32, bfloat16, float16"),
        ({"longest": 0}, "have to be 1 or more"),
        ({"tensor_parallel": 0}, "have to be 1 or more"),
        ({"pipeline_parallel": -1}, "have to be 1 or more"),
        ({"gpu_memory_utilization": 0}, "has to be in"),
        ({"gpu_memory_utilization": float("nan")}, "has to be in"),
    ],
)
def test_values_that_make_no_sense_are_refused(choices: dict[str, object], reason: str) -> None:
    with pytest.raises(ToprankError, match=reason):
        EngineSettings(**choices)  # type: ignore[arg-type]
