"""`toprank measure`: left to a worker once, or done here."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.errors import ToprankError
from app.models import Passage, System
from cli.main import app
from tests.factories import make_continuation
from tests.generation.pool import commit_system


@pytest.fixture(autouse=True)
def _written(engine: Engine, database_url: str, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study 'tiny' with a system that has written a text."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    system = commit_system(engine, tiny_checkpoint, passages=1, name="greedy")
    with Session(engine) as session:
        make_continuation(session, session.get_one(System, system.id), session.scalars(select(Passage)).one())
        session.commit()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["measure", "tiny", *map(str, arguments)])


def test_a_worker_is_asked_once() -> None:
    assert run().stdout == "A worker will measure it.\n"
    assert run().stdout == "Nothing changed since it was measured or queued.\n"
    assert json.loads(run("--json").stdout) == {"study": "tiny", "queued": False}


def test_here_it_is_measured_against_texts_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "training.txt").write_text("What the checkpoint was trained on.")

    done = run("--now", "--training", tmp_path / "training.txt")

    assert done.stdout == "1 systems were measured.\n"
    assert done.stderr == "measured greedy (1 of 1)\n"


def test_a_worker_may_not_have_the_files(tmp_path: Path) -> None:
    refused = run("--training", tmp_path / "training.txt").exception

    assert isinstance(refused, ToprankError)
    assert str(refused) == "Training texts are files here, which a worker may not have: say --now as well."
