"""`toprank study ask`, `qualification` and `flags`."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from app.annotation.claims import claim
from app.annotation.steps import give_consent
from app.domain.flags import flag
from app.domain.studies import find_study
from app.errors import ToprankError
from app.models.study import StudyState
from cli.main import app
from tests.app.annotation.asking import make_training_passages
from tests.factories import make_person, make_pool

CONSENT = 'purpose = "P"\ncontent_warning = "W"\ncontact = "C"\nreview_board = "R"\n'


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


@pytest.fixture
def slug(engine: Engine) -> str:
    """A draft with passages that can be set aside, whose annotator has flagged a comparison."""
    with Session(engine) as session:
        study, annotator = make_pool(session), make_person(session)
        shown = claim(session, study, annotator.id).shown
        assert shown is not None
        flag(session, annotator.id, shown, "Half of it is French.")
        study.state = StudyState.DRAFT
        make_training_passages(session, study, 3)
        session.commit()
        return study.slug


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["study", *arguments])


def test_a_study_asks_for_what_it_is_told_to(slug: str, tmp_path: Path) -> None:
    consent, guidelines = tmp_path / "consent.toml", tmp_path / "guidelines.md"
    consent.write_text(CONSENT)
    guidelines.write_text("# Read")
    options = ["--consent", str(consent), "--guidelines", str(guidelines), "--english", "--break-minutes", "50"]
    asked = json.loads(run("ask", slug, *options, "--json").output)
    assert asked == {
        "slug": slug,
        "consent_version": 1,
        "guidelines_version": 2,
        "asks_english": True,
        "break_minutes": 50,
        "pass_mark": 0,
    }
    assert "consent form 1, guidelines 2, English not asked" in run("ask", slug, "--no-english").output


def test_what_cannot_be_read_is_one_clear_line(slug: str, tmp_path: Path) -> None:
    binary = tmp_path / "guidelines.md"
    binary.write_bytes(b"\xff")
    for file, says in ((tmp_path / "none.md", "cannot be read"), (binary, "not UTF-8")):
        error = run("ask", slug, "--guidelines", str(file)).exception
        assert isinstance(error, ToprankError)
        assert says in str(error)


def test_a_qualification_is_set(slug: str) -> None:
    done = run("qualification", slug, "--comparisons", "3", "--pass-mark", "2")
    assert "3 training comparisons, 2 have to be right" in done.output
    assert isinstance(run("qualification", slug).exception, ToprankError)


def test_a_qualification_is_shown(slug: str) -> None:
    assert run("qualification", slug, "--show").output == f"The study {slug!r} has no qualification.\n"
    assert json.loads(run("qualification", slug, "--show", "--json").output)["qualification"] is None
    run("qualification", slug, "--comparisons", "3", "--pass-mark", "2")
    assert "Annotators who began: 0; who passed: 0." in run("qualification", slug, "--show").output
    assert json.loads(run("qualification", slug, "--show", "--json").output)["qualification"]["comparisons"] == 3


def test_the_consent_form_is_shown_as_it_was_in_each_version(slug: str, engine: Engine, tmp_path: Path) -> None:
    assert "has no consent form yet" in str(run("consent", slug).exception)
    form = tmp_path / "consent.toml"
    form.write_text(CONSENT)
    run("ask", slug, "--consent", str(form))
    with Session(engine) as session:
        study = find_study(session, slug)
        for _ in range(2):
            give_consent(session, study, make_person(session).id, version=1)
        session.commit()
    form.write_text(CONSENT.replace('"P"', '"Another purpose"'))
    run("ask", slug, "--consent", str(form))
    assert "purpose: Another purpose\n" in run("consent", slug).output
    old = json.loads(run("consent", slug, "--version", "1", "--json").output)
    assert (old["purpose"], [(one["version"], one["agreed"]) for one in old["versions"]]) == ("P", [(1, 2), (2, 0)])
    assert "2 agreed" in run("consent", slug).output
    assert "has no version 3" in str(run("consent", slug, "--version", "3").exception)


def test_flags_are_listed(slug: str) -> None:
    assert "Half of it is French." in run("flags", slug).output
    (note,) = json.loads(run("flags", slug, "--json").output)
    assert note["note"] == "Half of it is French."
