"""What a person at a terminal sees of long work, and what a log gets instead."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import Engine
from typer.testing import CliRunner

from cli.main import app
from tests.generation.pool import commit_system
from tests.tiny_model import sample_text

# What precedes a line that is drawn over: a short job is done before its first words are.
HIDE_CURSOR = "\x1b[?25l"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A thousand texts, all but one of which are too short."""
    lines = [json.dumps({"text": text}) for text in (*["Too short."] * 999, sample_text(7))]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines))
    return tmp_path / "texts.jsonl"


@pytest.fixture(autouse=True)
def _study(engine: Engine, database_url: str, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study 'tiny' with a passage and a system that has written nothing."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("NO_COLOR", raising=False)
    commit_system(engine, tiny_checkpoint, passages=1, name="greedy")


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Result:
    """Runs a command, which must succeed, and which takes its output for a terminal."""
    with monkeypatch.context() as terminal:
        terminal.setenv("FORCE_COLOR", "1")
        terminal.setenv("TERM", "xterm")
        return in_a_log(*arguments)


def in_a_log(*arguments: object) -> Result:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def test_reading_texts_is_counted(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (dataset,) = json.loads(in_a_log("study", "show", "tiny", "--json").stdout)["progress"]["datasets"]
    command = ("passages", "import", "tiny", "--dataset", dataset["name"], texts)

    logged = in_a_log(*command)
    shown = at_a_terminal(monkeypatch, *command)

    assert logged.stderr == "1000 texts read\n"
    assert "999 have fewer than 256 tokens (lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 ...)." in logged.stdout
    assert "texts read" not in shown.stderr
    assert "Importing" in shown.stderr


def test_generating_and_scoring_show_a_bar_and_no_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    written = at_a_terminal(monkeypatch, "generate", "tiny", "--now")
    scored = at_a_terminal(monkeypatch, "score", "tiny", "--now")

    assert "1/1" in written.stderr
    assert HIDE_CURSOR in scored.stderr
    assert "1 of 1 passages scored" in scored.stderr
    assert "\n1 of 1 passages" not in written.stderr + scored.stderr
