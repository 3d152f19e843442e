"""`toprank texts` and `toprank measure --show`."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from app.analysis.measuring import mark_measuring
from app.domain.studies import find_study
from app.errors import ForbiddenError, ToprankError
from app.models.study import StudyState
from app.models.system import GenerationState
from cli.main import app
from tests.factories import make_pool

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with Session(engine) as session:
        make_pool(session, slug="closed", state=StudyState.CLOSED, passages=2)
        make_pool(session, slug="open")
        session.commit()
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


def test_texts_are_printed_by_number(run: Run) -> None:
    rows = [json.loads(line) for line in run("texts", "closed", "--json").output.splitlines()]
    assert len(rows) == 2
    assert rows[0]["verdicts"] == {"candidate": 0, "equal": 0, "reference": 0}
    shown = run("texts", "closed", "--after", rows[0]["id"]).output
    assert shown.startswith(f"{rows[1]['id']:>8} {rows[1]['system']}")
    assert run("texts", "closed", "--passage", rows[1]["passage_id"]).output == shown
    assert run("texts", "closed", "--limit", 1, "--json").output.count("\n") == 1


def test_texts_wait_for_a_look_and_name_what_makes_no_sense(run: Run) -> None:
    assert isinstance(run("texts", "open").exception, ForbiddenError)
    refused = run("texts", "closed", "--scenario", 64, "--verdict", "nobody").exception
    assert isinstance(refused, ToprankError)
    assert "--scenario input should be 128 or 256; --verdict input should be" in str(refused)


def test_how_far_the_measuring_is_is_said(run: Run, engine: Engine) -> None:
    assert run("measure", "closed", "--show").output == "closed: never measured; 1 to measure.\n"
    with Session(engine) as session:
        study = find_study(session, "closed")
        mark_measuring(session, study.id, GenerationState.FAILED, done=1, total=2, reason="No memory.")
        session.commit()
    assert run("measure", "closed", "--show").output == "closed: failed, 1 of 2 systems; 1 to measure. No memory.\n"
    assert json.loads(run("measure", "closed", "--show", "--json").output)["done"] == 1
