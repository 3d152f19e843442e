"""`toprank checkpoint show|runs|uploads`: what pages show of checkpoints, in a terminal."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from app.domain.hyperfit_curves import record_point, record_updates
from app.domain.hyperfit_plan import HyperfitPlan, Text
from app.domain.hyperfitting import order_training
from app.errors import NotFoundError
from app.models import Checkpoint, CheckpointFile, Upload, UploadFile
from app.models.checkpoint import CheckpointState
from app.models.person import Role
from cli.main import app
from tests.factories import make_checkpoint, make_person

POINT = {"update": 5, "epoch": 0.5, "train_loss": None, "validation_loss": 3.5, "entropy": 2.5, "texts": []}


@pytest.fixture(autouse=True)
def _database(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("TOPRANK_STORE", str(tmp_path / "store"))


@pytest.fixture
def fit(engine: Engine, tmp_path: Path) -> None:
    """A run that has validated once, of a base with one known file; and one that has not."""
    with Session(engine) as session:
        base = make_checkpoint(session, name="base")
        session.add(CheckpointFile(checkpoint_id=base.id, name="config.json", size=12_345, sha256="ab" * 32))
        made = order_training(session, HyperfitPlan("fit", "base", "texts", [Text("A text.")], {}, 10), tmp_path)
        order_training(session, HyperfitPlan("new", "base", "texts", [Text("A text.")], {}, 10), tmp_path / "new")
        record_updates(session, made.id, 5, 60.0)
        record_point(session, made.id, POINT | {"ttr_first_96": 0.5, "ttr_last_96": 0.25})
        session.commit()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["checkpoint", *arguments])


def test_a_checkpoint_is_shown_with_its_files_and_curve(fit: None) -> None:
    shown = run("show", "base").output
    assert shown.startswith("base is ready, from /nowhere\n")
    assert f"12,345 {'ab' * 32}" in shown
    shown = run("show", "fit").output
    assert "hyperfitted from base: 5 of 10 updates\n  update 5: validation_loss 3.5 entropy 2.5" in shown
    told = json.loads(run("show", "fit", "--json").output)
    assert (told["run"]["points"][0]["train_loss"], told["run"]["base"], told["loading"]["dtype"]) == (
        *(None, "base"),
        "auto",
    )
    assert json.loads(run("show", "base", "--json").output)["run"] is None
    assert isinstance(run("show", "none").exception, NotFoundError)


def test_why_a_checkpoint_failed_is_said(engine: Engine) -> None:
    with Session(engine) as session:
        make_checkpoint(session, name="lost", state=CheckpointState.FAILED, reason="No memory.")
        session.commit()
    assert run("show", "lost").output == "lost is failed, from /nowhere: No memory.\n"


def test_runs_are_listed_with_their_last_loss(fit: None) -> None:
    first, second = run("runs").output.splitlines()
    assert first.split()[:4] == ["fit", "training", "5/10", "base"]
    assert first.endswith("validation loss 3.5")
    assert second.split() == ["new", "training", "0/10", "base"]
    assert [one["validation_loss"] for one in json.loads(run("runs", "--json").output)] == [3.5, None]


def test_an_unfinished_upload_is_listed_and_forgotten(engine: Engine, tmp_path: Path) -> None:
    sent = tmp_path / "store" / "uploads"
    with Session(engine) as session:
        person = make_person(session, role=Role.RESEARCHER)
        state = CheckpointState.UPLOADING
        checkpoint = make_checkpoint(session, name="mine", state=state, person_id=person.id)
        upload = Upload(id=uuid4(), checkpoint_id=checkpoint.id, person_id=person.id)
        session.add(upload)
        session.flush()
        session.add(UploadFile(upload_id=upload.id, number=0, name="config.json", size=2000, received=1500))
        (sent / str(upload.id)).mkdir(parents=True)
        session.commit()
    assert run("uploads").output.startswith(f"{'mine':30} 1,500 of 2,000 bytes, last at ")
    rows = [{"checkpoint": "mine", "received": 1500, "size": 2000}]
    assert json.loads(run("uploads", "--json").output) == rows
    assert isinstance(run("uploads", "--cancel", "other").exception, NotFoundError)
    assert run("uploads", "--cancel", "mine").output == "The upload of 'mine' is forgotten.\n"
    assert list(sent.iterdir()) == []
    with Session(engine) as session:
        assert session.scalar(select(Checkpoint)) is None
