"""Runs on downstream tasks, ordered, followed and stopped by a program."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.models import DownstreamRun, DownstreamScore
from tests.app.api.conftest import Program
from tests.factories import make_checkpoint

RUNS = "/downstream/runs"
ORDER = {"checkpoints": ["base", "fit"], "tasks": ["mmlu"], "shots": [5, 0], "question_limit": 10}


@pytest.fixture(autouse=True)
def _checkpoints(db: Session) -> None:
    for name in ("base", "fit"):
        make_checkpoint(db, name=name)
    db.commit()


def test_runs_are_ordered_once_and_read_page_by_page(db: Session, researcher_program: Program) -> None:
    answer = researcher_program.ask("POST", RUNS, json=ORDER, key="one")
    assert answer.status_code == 201
    first, second = answer.json()["entries"]
    assert (first["checkpoint"], second["checkpoint"]) == ("base", "fit")
    assert (first["tasks"], first["shots"], first["question_limit"], first["seed"]) == (["mmlu"], [0, 5], 10, 1234)
    assert (first["state"], first["done"], first["total"], first["failures"]) == ("queued", 0, 2, [])
    again = researcher_program.ask("POST", RUNS, json=ORDER, key="one")
    assert (again.status_code, again.json()) == (201, answer.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    page = researcher_program.ask("GET", f"{RUNS}?limit=1").json()
    assert [one["id"] for one in page["entries"]] == [first["id"]]
    rest = researcher_program.ask("GET", page["next"].removeprefix("/api/v1")).json()
    assert [one["id"] for one in rest["entries"]] == [second["id"]]
    jobs = researcher_program.ask("GET", "/jobs").json()["entries"]
    assert [(job["work"], job["subject"]) for job in jobs] == [("downstream", "base"), ("downstream", "fit")]


def test_a_run_is_stopped_and_goes_on(db: Session, researcher_program: Program) -> None:
    run = researcher_program.ask("POST", RUNS, json=ORDER | {"checkpoints": ["base"]}).json()["entries"][0]
    stopped = researcher_program.ask("POST", f"{RUNS}/{run['id']}", json={"deed": "cancel"})
    assert (stopped.status_code, stopped.json()["state"]) == (200, "idle")
    assert db.scalar(text("SELECT count(*) FROM procrastinate.procrastinate_jobs")) == 0
    assert researcher_program.ask("POST", f"{RUNS}/{run['id']}", json={"deed": "queue"}).json()["state"] == "queued"
    assert researcher_program.ask("GET", f"{RUNS}/{run['id']}").json()["state"] == "queued"
    assert researcher_program.ask("GET", f"{RUNS}/{run['id'] + 1}").status_code == 404


def test_the_tables_are_those_of_the_page(db: Session, researcher_program: Program) -> None:
    run = researcher_program.ask("POST", RUNS, json=ORDER | {"checkpoints": ["base"]}).json()["entries"][0]
    score = {"part": "mmlu@5", "task": "mmlu", "shots": 5, "metric": "acc", "value": 0.25, "questions": 4}
    db.add(DownstreamScore(run_id=run["id"], stderr=0.1, **score))
    db.commit()
    tables = researcher_program.ask("GET", "/downstream/tables").json()["exhibits"]
    (row,) = tables["table-7"]["rows"]
    assert (row["checkpoint"], row["score"], row["stderr"]) == ("base", 0.25, 0.1)
    assert tables["table-8"]["rows"] == []
    assert researcher_program.ask("GET", f"{RUNS}/{run['id']}").json()["done"] == 1


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"checkpoints": []}, 422),
        ({"checkpoints": ["gone"]}, 404),
        ({"tasks": ["no name"]}, 422),
        ({"shots": [101]}, 422),
        ({"task_folder": "/tmp"}, 422),
    ],
)
def test_what_cannot_be_evaluated_is_a_problem_and_leaves_nothing(
    db: Session, researcher_program: Program, changed: dict[str, object], status: int
) -> None:
    answer = researcher_program.ask("POST", RUNS, json=ORDER | changed)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert db.scalars(select(DownstreamRun)).all() == []


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"seed": False}, "body.seed"),
        ({"seed": "7"}, "body.seed"),
        ({"shots": [0, True]}, "body.shots"),
        ({"shots": ["0"]}, "body.shots"),
    ],
)
def test_no_text_and_no_truth_value_is_a_number(
    researcher_program: Program, wrong: dict[str, object], where: str
) -> None:
    refused = researcher_program.ask("POST", RUNS, json=ORDER | wrong)
    assert refused.status_code == 422
    assert [error["where"] for error in refused.json()["errors"]] == [where]
