"""`toprank study protocol`: shown, changed in a draft, locked by opening."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from app.errors import ConflictError, ToprankError
from app.models.study import StudyState
from cli.main import app
from tests.factories import make_dataset, make_passage, make_study, make_system


@pytest.fixture(autouse=True)
def _draft(database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with Session(engine) as session:
        study = make_study(session, slug="planned", state=StudyState.DRAFT)
        make_passage(session, make_dataset(session, study))
        for name in ("base", "sharp"):
            make_system(session, study, name=name)
        session.commit()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["study", *arguments])


def test_a_protocol_is_set_shown_and_locked_by_opening() -> None:
    shown = run("protocol", "planned")
    assert "not locked" in shown.output
    assert "comparisons are exploratory" in shown.output
    changed = run("protocol", "planned", "--contrast", "sharp", "--against", "base", "--stop", "1800")
    assert "contrasts    sharp against base" in changed.output
    assert "stopping     1800" in changed.output
    assert run("open", "planned").exit_code == 0
    locked = json.loads(run("protocol", "planned", "--json").output)
    assert locked["protocol"]["contrasts"] == [["sharp", "base"]]
    assert locked["locked_at"] is not None
    assert locked["departures"] == []
    refused = run("protocol", "planned", "--stop", "quota")
    assert isinstance(refused.exception, ConflictError)


def test_a_departure_is_named(tmp_path: Path) -> None:
    assert run("open", "planned").exit_code == 0
    guidelines = tmp_path / "guidelines.md"
    guidelines.write_text("Read twice.")
    assert run("ask", "planned", "--guidelines", str(guidelines)).exit_code == 0
    assert "departs from what was locked in guidelines_sha256" in run("protocol", "planned").output


def test_half_a_contrast_is_refused() -> None:
    done = run("protocol", "planned", "--contrast", "sharp")
    assert isinstance(done.exception, ToprankError)
    assert "needs an --against" in str(done.exception)


def test_contrasts_are_taken_back() -> None:
    run("protocol", "planned", "--contrast", "sharp", "--against", "base")
    assert "comparisons are exploratory" in run("protocol", "planned", "--no-contrasts").output
    both = run("protocol", "planned", "--contrast", "sharp", "--against", "base", "--no-contrasts")
    assert isinstance(both.exception, ToprankError)
