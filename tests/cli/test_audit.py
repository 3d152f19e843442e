"""`toprank audit`."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.domain.audit import record
from app.errors import ToprankError
from cli.main import app
from tests.factories import make_person, make_study


@pytest.fixture(autouse=True)
def _database(engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with Session(engine) as session:
        study = make_study(session, slug="poems")
        record(session, make_person(session, email="ada@lab.example"), "study.open", study, quota=3)
        record(session, None, "study.close", study)
        session.commit()


def test_it_prints_a_line_for_each_entry_the_newest_first() -> None:
    closed, opened = CliRunner().invoke(app, ["audit"]).output.splitlines()
    assert closed.endswith("  -  study.close  study poems")
    assert opened.endswith('  ada@lab.example  study.open  study poems  {"quota": 3}')


def test_it_can_be_narrowed_down_and_read_by_programs() -> None:
    done = CliRunner().invoke(app, ["audit", "--by", "ada@lab.example", "--action", "study", "--json"])
    entry = json.loads(done.output)
    assert (entry["action"], entry["subject"], entry["detail"]) == ("study.open", "study poems", {"quota": 3})
    assert len(CliRunner().invoke(app, ["audit", "--limit", "1"]).output.splitlines()) == 1


def test_it_can_be_narrowed_down_to_days_and_to_what_it_was_done_to() -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert len(CliRunner().invoke(app, ["audit", "--from", today, "--to", today]).output.splitlines()) == 2
    assert CliRunner().invoke(app, ["audit", "--to", "2026-01-01"]).output == ""
    assert len(CliRunner().invoke(app, ["audit", "--subject-type", "study"]).output.splitlines()) == 2
    assert CliRunner().invoke(app, ["audit", "--subject-type", "study", "--subject-id", "999999"]).output == ""
    refused = CliRunner().invoke(app, ["audit", "--from", "yesterday"]).exception
    assert isinstance(refused, ToprankError)
    assert "'yesterday' is no day" in str(refused)
