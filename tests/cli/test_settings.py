"""`toprank study set|copy|forecast`, `toprank system remove` and `toprank passages list|judge|check`."""

import json

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from app.errors import ConflictError, ToprankError
from app.models import Passage, ReferenceTokens
from app.models.passage import PassageState
from app.models.study import StudyState
from cli.main import app
from tests.factories import make_dataset, make_passage, make_pool, make_study, make_system
from tests.tiny_model import tiny_tokenizer_json


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with Session(engine) as session:
        study = make_study(session, slug="poems", state=StudyState.DRAFT)
        make_system(session, study, name="greedy")
        dataset = make_dataset(session, study, name="odes")
        make_passage(session, dataset, original=" at https://lab.example and on.", state=PassageState.PENDING)
        session.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
        session.commit()


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_settings_are_changed_and_shown_with_their_freedom(engine: Engine) -> None:
    told = json.loads(run("study", "set", "poems", "--quota", "5", "--title", "More", "--json").output)
    assert told["changed"] == ["quota", "title"]
    assert (told["settings"]["quota"], told["freedoms"]["quota"]) == (5, "free")
    shown = run("study", "set", "poems").output
    assert "hourly_rate" in shown
    assert "free" in shown
    with Session(engine) as session:
        make_pool(session, slug="prose")
        session.commit()
    assert isinstance(run("study", "set", "prose", "--quota", "2").exception, ConflictError)


def test_a_copy_is_a_draft_of_its_own() -> None:
    assert "is a draft like 'poems'" in run("study", "copy", "poems", "again").output
    made = json.loads(run("study", "copy", "poems", "third", "--passages", "--title", "Third", "--json").output)
    assert made == {"slug": "third", "title": "Third", "state": "draft"}


def test_a_forecast_is_printed() -> None:
    assert "600 annotations, interval" in run("study", "forecast", "poems").output
    assert json.loads(run("study", "forecast", "poems", "--json").output)["annotations"] == 600


def test_a_system_is_taken_out() -> None:
    assert run("system", "remove", "poems", "greedy").exit_code == 0
    assert run("system", "remove", "poems", "greedy").exit_code == 1


def test_passages_are_listed_checked_and_judged(engine: Engine) -> None:
    with Session(engine) as session:
        number = str(session.scalars(select(Passage.id)).one())
    assert "1 passages were checked" in run("passages", "check", "poems").output
    (row,) = json.loads(run("passages", "list", "poems", "--state", "pending", "--json").output)
    assert row["suspicions"] == ["boilerplate"]
    assert "boilerplate" in run("passages", "list", "poems", "--dataset", "odes").output
    assert "is rejected" in run("passages", "judge", "poems", number, "--reject", "dull").output
    assert "is pending" in run("passages", "judge", "poems", number, "--reconsider").output
    assert "is accepted" in run("passages", "judge", "poems", number).output
    both = run("passages", "judge", "poems", number, "--reject", "dull", "--reconsider")
    assert isinstance(both.exception, ToprankError)
