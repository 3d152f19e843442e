"""/api/v1/checkpoints: registered by hub id, with how workers load them."""

from sqlalchemy.orm import Session

from tests.app.api.conftest import Program
from tests.factories import make_continuation, make_dataset, make_passage, make_study, make_system

LARGE = {"name": "large", "hub_id": "org/large", "loading": {"tensor_parallel": 8, "dtype": "bfloat16"}}


def test_a_checkpoint_is_registered_and_listed_with_its_settings(researcher_program: Program) -> None:
    made = researcher_program.ask("POST", "/checkpoints", json=LARGE)

    assert made.status_code == 201
    assert made.json()["loading"] == {
        "dtype": "bfloat16",
        "longest": 2048,
        "tensor_parallel": 8,
        "pipeline_parallel": 1,
        "gpu_memory_utilization": 0.9,
        "enforce_eager": False,
    }
    assert researcher_program.ask("GET", "/checkpoints").json()["entries"] == [made.json()]


def test_settings_are_replaced_as_a_whole(researcher_program: Program) -> None:
    made = researcher_program.ask("POST", "/checkpoints", json=LARGE).json()

    changed = researcher_program.ask("PUT", f"/checkpoints/{made['id']}/loading", json={"pipeline_parallel": 2})

    assert (changed.status_code, changed.json()["loading"]["pipeline_parallel"]) == (200, 2)
    assert changed.json()["loading"]["tensor_parallel"] == 1
    assert researcher_program.ask("PUT", "/checkpoints/12345/loading", json={}).status_code == 404
    refused = researcher_program.ask("PUT", f"/checkpoints/{made['id']}/loading", json={"gpu_memory": 0.5})
    assert refused.status_code == 422


def test_a_number_format_stays_once_something_was_written_in_it(db: Session, researcher_program: Program) -> None:
    study = make_study(db)
    system = make_system(db, study)
    make_continuation(db, system, make_passage(db, make_dataset(db, study)))
    db.commit()

    refused = researcher_program.ask("PUT", f"/checkpoints/{system.checkpoint_id}/loading", json={"dtype": "float16"})

    assert (refused.status_code, "add it again" in refused.json()["detail"]) == (409, True)
