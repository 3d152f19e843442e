"""`toprank study set|copy|forecast`, `system list|remove`, `passages list|judge|trim|edit|check`, `dataset`, `jobs`."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from app.domain.generation_queue import queue_generation
from app.domain.reference_tokens import ReferenceTokenizer
from app.errors import ConflictError, ToprankError
from app.models import Passage, ReferenceTokens, Study
from app.models.passage import PassageState
from app.models.study import StudyState
from cli.main import app
from tests.factories import make_dataset, make_passage, make_pool, make_study, make_system
from tests.tiny_model import sample_text, tiny_tokenizer_json


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


def test_systems_are_listed_with_how_they_decode() -> None:
    (system,) = json.loads(run("system", "list", "poems", "--json").output)
    assert (system["name"], system["strategy"], system["scenarios"]) == ("greedy", "greedy", [128, 256])
    assert (system["state"], system["top_p"], system["block_citations"]) == ("idle", 0.9, False)
    assert "128, 256" in run("system", "list", "poems").output


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


def test_a_passage_begins_elsewhere_or_is_mended_by_hand(engine: Engine, tmp_path: Path) -> None:
    with Session(engine) as session:
        passage = session.scalars(select(Passage)).one()
        cut = ReferenceTokenizer(tiny_tokenizer_json()).cut(sample_text(1))
        passage.token_ids, passage.context, passage.original = cut.token_ids, cut.context, cut.original
        passage.full_text, passage.start = sample_text(1), sample_text(1).index(cut.text)
        number = str(passage.id)
        session.commit()
    moved = run("passages", "trim", "poems", number).output
    assert moved.startswith(f"The passage {number} begins: ")
    assert cut.context not in moved
    assert cut.context in run("passages", "trim", "poems", number, "--earlier").output
    mended = tmp_path / "mended.txt"
    mended.write_text(cut.text.replace("house", "hut"))
    assert run("passages", "edit", "poems", number, str(mended)).exit_code == 0
    typed = CliRunner().invoke(app, ["passages", "edit", "poems", number, "-"], input=cut.text.replace("old", "new"))
    assert typed.exit_code == 0
    assert "is edited" in run("passages", "judge", "poems", number).output
    assert json.loads(run("dataset", "use-edited", "poems", "odes", "--json").output)["used"] == 1
    assert run("dataset", "use-edited", "poems", "odes").output == "Edited passages of 'odes' used: 0.\n"


def test_datasets_are_added_and_taken_out() -> None:
    added = json.loads(run("dataset", "add", "poems", "hymns", "--json").output)
    assert added == {"slug": "poems", "datasets": ["odes", "hymns"]}
    assert isinstance(run("dataset", "add", "poems", "hymns").exception, ConflictError)
    assert run("dataset", "remove", "poems", "hymns").output == "The study 'poems' has the datasets odes.\n"
    assert isinstance(run("dataset", "remove", "poems", "odes").exception, ConflictError)


def test_jobs_that_wait_are_listed(engine: Engine) -> None:
    assert run("jobs").output == "No job waits or runs.\n"
    with Session(engine) as session:
        study = session.scalars(select(Study)).one()
        session.execute(update(Passage).values(state=PassageState.ACCEPTED))
        queue_generation(session, study)
        session.commit()
    assert "generate    todo" in run("jobs", "--study", "poems").output
    job = json.loads(run("jobs", "--json").output)
    assert (job["work"], job["study"], job["subject"], job["status"]) == ("generate", "poems", "greedy", "todo")
    run("generate", "poems", "--cancel")
    assert run("jobs").output == "No job waits or runs.\n"
    assert run("jobs", "--all").output == "There is no job.\n"
