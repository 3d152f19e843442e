"""`toprank checkpoint retry`: what failed is queued again, and nothing else."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.domain.hyperfitting import HyperfitPlan, Text, fail_training, order_training
from app.errors import NotFoundError
from app.models.checkpoint import CheckpointState
from app.queue import stop_jobs
from cli.main import app
from tests.factories import make_checkpoint


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


def retry(name: str) -> tuple[str, bool]:
    told = json.loads(CliRunner().invoke(app, ["checkpoint", "retry", name, "--json"]).output)
    return told["state"], told["queued"]


def test_a_run_goes_on_and_an_upload_is_tried_once_more(engine: Engine, tmp_path: Path) -> None:
    with Session(engine) as session:
        make_checkpoint(session, name="base")
        fit = order_training(session, HyperfitPlan("fit", "base", "texts", [Text("A text.")], {}, 10), tmp_path)
        stop_jobs(session, f"hyperfit:{fit.id}")
        fail_training(session, fit.id, "No memory.")
        make_checkpoint(session, name="sent", source="stored:" + "0" * 64, state=CheckpointState.FAILED)
        make_checkpoint(session, name="lost", state=CheckpointState.FAILED)
        session.commit()
    assert retry("fit") == ("training", True)
    assert retry("sent") == ("validating", True)
    assert retry("sent") == ("validating", False)
    assert retry("lost") == ("failed", False)
    assert "is ready: nothing to try" in CliRunner().invoke(app, ["checkpoint", "retry", "base"]).output
    assert isinstance(CliRunner().invoke(app, ["checkpoint", "retry", "none"]).exception, NotFoundError)
