"""/api/v1/hyperfittings: order a run of the trainer, follow it, and let one that failed go on."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.domain.hyperfit_curves import record_point, record_updates
from app.domain.hyperfitting import fail_training
from app.queue import stop_jobs
from tests.app.api.conftest import Program
from tests.app.conftest import Browser
from tests.factories import make_checkpoint

NEW = {"name": "fit", "base": "base", "texts": [{"text": "A text.", "source": "a book"}, {"text": "Another."}]}
POINT = {"update": 5, "epoch": 0.5, "train_loss": 3.0, "validation_loss": 3.5, "entropy": 2.5}

NO_TEXTS = {"ttr_first_96": 0.5, "ttr_last_96": 0.25, "texts": []}


@pytest.fixture(autouse=True)
def _base(db: Session) -> None:
    make_checkpoint(db, name="base")
    db.commit()


def test_a_run_is_ordered_with_the_paper_s_choices_and_followed(researcher_program: Program, db: Session) -> None:
    made = researcher_program.ask("POST", "/hyperfittings", json=NEW | {"samples": 16}, key="one")
    again = researcher_program.ask("POST", "/hyperfittings", json=NEW | {"samples": 16}, key="one")
    assert (made.status_code, again.json()) == (201, made.json())
    run = made.json()
    assert (run["state"], run["base"], run["updates"], run["points"]) == ("training", "base", 0, [])
    assert run["total_updates"] == 40  # 20 epochs of 16 / 8
    assert (run["config"]["lr"], run["config"]["length"], run["config"]["samples"]) == (1e-6, 256, 16)
    assert "name" not in run["config"]
    record_updates(db, run["checkpoint_id"], 5, 60.0)
    record_point(db, run["checkpoint_id"], POINT | NO_TEXTS)
    db.commit()
    seen = researcher_program.ask("GET", f"/hyperfittings/{run['checkpoint_id']}").json()
    assert (seen["updates"], seen["tokens_per_second"]) == (5, 60.0)
    assert [(point["update"], point["ttr_last_96"]) for point in seen["points"]] == [(5, 0.25)]
    (job,) = researcher_program.ask("GET", "/jobs?waiting=true").json()["entries"]
    assert (job["work"], job["subject"]) == ("hyperfit", "fit")


def test_runs_are_listed_with_their_last_losses(researcher_program: Program, db: Session, researcher: Browser) -> None:
    assert "Nothing was hyperfitted yet." in researcher.get("/checkpoints/hyperfittings").text
    numbers = [
        researcher_program.ask("POST", "/hyperfittings", json=NEW | {"name": name}).json()["checkpoint_id"]
        for name in ("fit", "other")
    ]
    for update, loss in ((5, 3.5), (10, 4.25)):
        record_point(db, numbers[0], POINT | {"update": update, "validation_loss": loss} | NO_TEXTS)
    db.commit()
    first = researcher_program.ask("GET", "/hyperfittings?limit=1").json()
    (fit,) = first["entries"]
    assert (fit["checkpoint_id"], fit["base"], fit["validation_loss"]) == (numbers[0], "base", 4.25)
    (other,) = researcher_program.ask("GET", first["next"].removeprefix("/api/v1")).json()["entries"]
    assert (other["name"], other["validation_loss"], other["state"]) == ("other", None, "training")
    page = researcher.get("/checkpoints/hyperfittings").text
    assert page.index(">other</a>") < page.index(">fit</a>") < page.index(">4.250</td>")


def test_a_run_that_failed_goes_on(researcher_program: Program, db: Session) -> None:
    number = researcher_program.ask("POST", "/hyperfittings", json=NEW).json()["checkpoint_id"]
    stop_jobs(db, f"hyperfit:{number}")
    fail_training(db, number, "No memory.")
    db.commit()
    assert researcher_program.ask("GET", f"/hyperfittings/{number}").json()["reason"] == "No memory."
    gone_on = researcher_program.ask("POST", f"/hyperfittings/{number}/continue").json()
    assert (gone_on["state"], gone_on["reason"]) == ("training", None)
    assert len(researcher_program.ask("GET", "/jobs?waiting=true").json()["entries"]) == 1


def test_what_makes_no_sense_is_refused(researcher_program: Program, db: Session, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "imagegpt"}')
    pictures = make_checkpoint(db, name="pictures", source=str(tmp_path))
    db.commit()
    refused = {
        "accumulation": (NEW | {"batch_size": 8, "accumulation": 3}, 422, "equal parts"),
        "base": (NEW | {"base": "none"}, 404, "There is no checkpoint 'none'"),
        "taken": (NEW | {"name": "base"}, 409, "There is a checkpoint 'base' already"),
        "pictures": (NEW | {"base": "pictures"}, 400, "is an image model"),
    }
    for body, status, says in refused.values():
        answer = researcher_program.ask("POST", "/hyperfittings", json=body)
        assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert researcher_program.ask("GET", f"/hyperfittings/{pictures.id}").status_code == 404
