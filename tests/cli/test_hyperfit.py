"""`toprank hyperfit`, as a person runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.domain.hyperfit_curves import hyperfitting_of
from app.errors import ToprankError
from app.models import Checkpoint
from app.models.checkpoint import CheckpointState
from cli.main import app
from tests.factories import make_checkpoint, make_dataset, make_passage, make_study
from tests.hyperfitting.conftest import make_documents

CHOICES = [
    "--samples",
    "16",
    "--length",
    "32",
    "--epochs",
    "2",
    "--lr",
    "3e-3",
    "--validation-samples",
    "4",
    "--contexts",
    "2",
]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A file of texts."""
    file = tmp_path / "words.jsonl"
    lines = [json.dumps({"text": one.text, "source": one.source}) for one in make_documents(30)]
    file.write_text("\n".join(lines))
    return file


def run(*arguments: object, engine: Engine | None = None, data_dir: Path | None = None):
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "TOPRANK_DATA_DIR")
    }
    if engine is not None:
        environment["DATABASE_URL"] = engine.url.render_as_string(hide_password=False)
    if data_dir is not None:
        environment["TOPRANK_DATA_DIR"] = str(data_dir)
    command = [sys.executable, "-m", "cli.main", "hyperfit", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_it_trains_without_a_database_and_makes_none(texts, tiny_checkpoint, tmp_path):
    done = run(
        tiny_checkpoint, "--data", texts, "--out", tmp_path / "made", "--json", *CHOICES, data_dir=tmp_path / "data"
    )

    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["folder"] == str(tmp_path / "made")
    assert summary["updates"] == "4"
    assert summary["overlap"] == "not checked: there was no database with passages"
    assert "update 2, train loss" in done.stderr
    assert not (tmp_path / "data").exists()


def test_with_a_database_it_registers_the_checkpoint_and_keeps_passages_out(engine, texts, tiny_checkpoint, tmp_path):
    with Session(engine) as session:
        make_checkpoint(session, name="tiny", source=str(tiny_checkpoint))
        passage = make_documents(30)[4].text
        make_passage(session, make_dataset(session, make_study(session)), context=passage[:50], original=passage[50:])
        session.commit()

    done = run("tiny", "--data", texts, "--out", tmp_path / "made", "--name", "mine", *CHOICES, engine=engine)

    assert done.returncode == 0, done.stderr
    assert "1 documents that overlap with 1 accepted passages were left out" in done.stdout
    with Session(engine) as session:
        made = session.scalars(select(Checkpoint).where(Checkpoint.name == "mine")).one()
        assert (made.state, made.source) == (CheckpointState.READY, str(tmp_path / "made"))
        found = hyperfitting_of(session, made)
        assert found.base == "tiny"
        assert [point.update for point in found.points] == [0, 2, 4]


@pytest.mark.parametrize("state", [one for one in CheckpointState if one is not CheckpointState.READY])
def test_a_base_that_cannot_be_used_is_refused_before_anything_is_trained(
    engine, texts, tiny_checkpoint, tmp_path, monkeypatch, state
):
    with Session(engine) as session:
        make_checkpoint(session, name="half", source=str(tiny_checkpoint), state=state)
        session.commit()
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))

    there = CliRunner().invoke(app, ["hyperfit", "half", "--data", str(texts), "--out", str(tmp_path / "x"), *CHOICES])
    queued = CliRunner().invoke(app, ["hyperfit", "half", "--data", str(texts), "--queue", "--name", "y", *CHOICES])

    for done in (there, queued):
        assert isinstance(done.exception, ToprankError)
        assert str(done.exception).startswith(f"The base half is {state}; only a ready one is trained.")
    assert not list(tmp_path.glob("x*"))
    with Session(engine) as session:
        assert session.scalars(select(Checkpoint.name)).all() == ["half"]


def test_a_worker_can_do_it(engine, texts, tiny_checkpoint):
    with Session(engine) as session:
        make_checkpoint(session, name="tiny", source=str(tiny_checkpoint))
        session.commit()

    done = run("tiny", "--data", texts, "--queue", "--name", "mine", *CHOICES, engine=engine)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("A worker will train 'mine' into ")
    with Session(engine) as session:
        made = session.scalars(select(Checkpoint).where(Checkpoint.name == "mine")).one()
        assert made.state is CheckpointState.TRAINING
        assert hyperfitting_of(session, made).run.total_updates == 4


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "Say by --out where the new checkpoint goes, or leave it to a worker by --queue."),
        (("--queue",), "Say by --name what the new checkpoint is called."),
        (("--out", "x", "--lr", "nan"), "--lr is nan; it has to be a positive number."),
        (("--out", "x", "--order", "random"), "--order is 'random'; choose from: given, shuffle-1"),
        (("--out", "x", "--length", "600"), "The model's context window has 512 tokens, the sequences 600"),
        (("--out", "x", "--samples", "99999"), "99999 were asked for"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(texts, tiny_checkpoint, tmp_path, monkeypatch, arguments, line):
    monkeypatch.setenv("TOPRANK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    there = [str(tmp_path / one) if one == "x" else one for one in arguments]

    # of an option that is given twice, the last counts
    done = CliRunner().invoke(app, ["hyperfit", str(tiny_checkpoint), "--data", str(texts), *CHOICES, *there])

    assert isinstance(done.exception, ToprankError)
    assert line in str(done.exception)
    assert not (tmp_path / "x").exists()


def test_a_run_that_fails_says_so_on_its_checkpoint(engine, texts, tiny_checkpoint, tmp_path):
    done = run(tiny_checkpoint, "--data", texts, "--out", tmp_path / "made", *CHOICES, "--lr", "1e18", engine=engine)

    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("toprank: The training loss became")
    with Session(engine) as session:
        made = session.scalars(select(Checkpoint).where(Checkpoint.name == "made")).one()
        assert made.state is CheckpointState.FAILED
        assert "Lower --lr" in made.reason
