"""`toprank score`, and stopping and retrying what `toprank generate` queued."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.domain.generation_queue import generation_lock
from app.domain.scoring_queue import scoring_lock
from app.errors import ConflictError, ToprankError
from app.models import Checkpoint, System
from cli.main import app
from generation.generate import session_holding
from tests.generation.pool import commit_system


@pytest.fixture
def system(engine: Engine, database_url: str, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """The only system of the study 'tiny', with nothing written."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return commit_system(engine, tiny_checkpoint, passages=2, name="greedy")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def answer(*arguments: str) -> dict[str, object]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_scoring_here_prints_what_was_found(system: System) -> None:
    done = run("score", "tiny", "--now")

    assert done.exit_code == 0, done.output
    assert "2 of 2 passages scored" in done.stderr
    assert "dataset" in done.stdout
    assert "all" in done.stdout
    shown = answer("score", "tiny", "--show")
    assert [(one["dataset"] is None, one["passages"]) for one in shown["scores"]] == [(False, 2), (True, 2)]  # type: ignore[attr-defined]
    assert run("score", "tiny").output.startswith("Nothing is left to score.")


def test_scoring_is_left_to_workers_once(system: System, engine: Engine) -> None:
    with Session(engine) as session:
        name = session.get_one(Checkpoint, system.checkpoint_id).name

    assert run("score", "tiny").output == f"Queued: {name}.\n"
    assert answer("score", "tiny") == {"study": "tiny", "queued": [], "scores": []}


def test_a_checkpoint_that_fails_is_a_reason(system: System, engine: Engine) -> None:
    with Session(engine) as session:
        session.get_one(Checkpoint, system.checkpoint_id).source = "/nowhere/at/all"
        session.commit()

    done = run("score", "tiny", "--now")

    assert isinstance(done.exception, ToprankError)
    assert "There is no folder /nowhere/at/all" in str(done.exception)


def test_what_a_worker_is_at_is_left_to_it(system: System, engine: Engine, database_url: str) -> None:
    with session_holding(database_url, scoring_lock(system.study_id, system.checkpoint_id)):
        scored = run("score", "tiny", "--now").exception
    with session_holding(database_url, generation_lock(system.id)):
        written = run("generate", "tiny", "--now").exception

    assert isinstance(scored, ConflictError)
    assert str(scored).endswith("just now; let it, or stop it first.")
    assert isinstance(written, ToprankError)
    assert str(written) == "A worker is writing for greedy just now; let it, or stop it first."


def test_what_was_queued_is_paused_retried_and_cancelled(system: System) -> None:
    assert answer("generate", "tiny", "--system", "greedy") == {"study": "tiny", "queued": ["greedy"]}
    assert run("generate", "tiny", "--pause", "--system", "greedy").output == "Paused: greedy.\n"
    assert answer("generate", "tiny") == {"study": "tiny", "queued": []}
    assert run("generate", "tiny", "--retry").output == "Queued: greedy.\n"
    assert answer("generate", "tiny", "--cancel") == {"study": "tiny", "cancelled": ["greedy"]}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--pause", "--retry"), "Choose one of"),
        (("--system", "gredy"), "no system 'gredy'"),
        (("--now", "--system", "gredy"), "no system 'gredy'"),
        (("--pause", "--system", "gredy"), "no system 'gredy' (systems: greedy)"),
    ],
)
def test_what_makes_no_sense_is_said(system: System, arguments: tuple[str, ...], reason: str) -> None:
    done = run("generate", "tiny", *arguments)

    assert isinstance(done.exception, ToprankError)
    assert reason in str(done.exception)
