"""`toprank checkpoint`: a folder is added with its files; what failed is queued again, and nothing else."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.domain import registry
from app.domain.hyperfit_plan import HyperfitPlan, Text
from app.domain.hyperfitting import fail_training, order_training
from app.domain.registry import note_files
from app.errors import NotFoundError
from app.models import CheckpointFile
from app.models.checkpoint import CheckpointState
from app.queue import stop_jobs
from cli.main import app
from tests.app.checkpoints.sending import make_small_checkpoint, sha256
from tests.factories import make_checkpoint


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


def test_a_folder_is_added_with_a_line_for_each_file_that_was_hashed(engine: Engine, tmp_path: Path) -> None:
    folder = make_small_checkpoint(tmp_path / "mine")
    (folder / "notes.doc").write_text("no part of it")

    done = CliRunner().invoke(app, ["checkpoint", "add", "mine", str(folder), "--json"])

    assert json.loads(done.stdout) == {"name": "mine", "source": str(folder), "state": "ready"}
    sizes = {file.name: file.stat().st_size for file in folder.iterdir() if file.name != "notes.doc"}
    assert sorted(done.stderr.splitlines()) == sorted(f"{name}: {size:,} bytes" for name, size in sizes.items())
    with Session(engine) as session:
        kept = session.scalars(select(CheckpointFile)).all()
    assert {one.name: one.sha256 for one in kept} == {name: sha256((folder / name).read_bytes()) for name in sizes}


def test_a_large_file_is_told_as_it_is_read(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BLOCK", 1000)
    folder = make_small_checkpoint(tmp_path / "mine")
    (folder / "tokenizer.json").write_bytes(bytes(2500))
    told: list[tuple[str, int]] = []

    note_files(session, make_checkpoint(session), folder, lambda name, done: told.append((name, done)))

    assert [done for name, done in told if name == "tokenizer.json"] == [1000, 2000, 2500]


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


def test_what_nothing_names_in_the_store_is_removed_when_it_is_old_enough(tmp_path: Path) -> None:
    folder = tmp_path / "store" / "checkpoints" / ("0" * 64)
    folder.mkdir(parents=True)
    tidy = ["checkpoint", "tidy", "--data-dir", str(tmp_path)]

    young = CliRunner().invoke(app, tidy, catch_exceptions=False)
    old = CliRunner().invoke(app, [*tidy, "--hours", "0", "--json"], catch_exceptions=False)

    assert young.stdout == "Removed 0 uploads and 0 folders.\n"
    assert json.loads(old.stdout) == {"uploads": 0, "folders": 1}
    assert not folder.exists()
