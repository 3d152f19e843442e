"""`toprank study gold|rules|quality|pause-annotator|resume|withdraw`."""

import json
import sys

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from app.annotation.claims import claim
from app.annotation.verdicts import Answer, record_verdict
from app.domain.pseudonyms import pseudonym
from app.domain.reviews import pause
from app.errors import ConflictError, ToprankError
from app.models import Person, ReferenceTokens, Study
from app.models.annotation import VerdictShown
from app.models.passage import PassageState
from app.models.study import StudyState
from cli.main import app, main
from tests.app.domain.test_continuations import real_passage
from tests.factories import make_dataset, make_passage, make_person, make_pool, make_study
from tests.judging import judge
from tests.tiny_model import tiny_tokenizer_json


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


@pytest.fixture
def judged(engine: Engine) -> tuple[Study, Person]:
    """An open study, and somebody who judged all of it."""
    with Session(engine, expire_on_commit=False) as session:
        study, annotator = make_pool(session, passages=4), make_person(session)
        while (shown := claim(session, study, annotator.id).shown) is not None:
            record_verdict(session, annotator.id, shown, Answer(VerdictShown.FIRST))
        session.commit()
        return study, annotator


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["study", *arguments])


def answer(*arguments: str) -> dict[str, object]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.output)
    return found


def test_gold_is_made_and_counted(engine: Engine) -> None:
    with Session(engine) as session:
        study = make_study(session, slug="new", state=StudyState.DRAFT)
        session.get_one(ReferenceTokens, study.reference_tokens_sha256).tokenizer_json = tiny_tokenizer_json()
        for number in range(6):
            real_passage(session, study, number)
        session.commit()
    assert answer("gold", "new", "--count", "2") == {"slug": "new", "gold": 2}
    assert run("gold", "new", "--count", "1").output == "The study 'new' has 3 gold comparisons.\n"


def test_rules_are_shown_and_changed_while_a_study_is_a_draft(engine: Engine) -> None:
    with Session(engine) as session:
        make_study(session, slug="new", state=StudyState.DRAFT)
        session.commit()
    changed = answer("rules", "new", "--gold-share", "0.05", "--withdrawal", "keep", "--min-reading-ms", "2000")
    assert (changed["gold_share"], changed["withdrawal"], changed["min_reading_ms"]) == (0.05, "keep", 2000)
    shown = run("rules", "new").output
    assert "gold_share             0.05" in shown
    assert "min_gold_accuracy      none" in shown
    assert answer("rules", "new", "--clear", "min-reading-ms")["min_reading_ms"] is None
    assert isinstance(run("rules", "new", "--clear", "quota").exception, ToprankError)


def test_the_rules_of_an_open_study_are_locked(judged: tuple[Study, Person]) -> None:
    done = run("rules", judged[0].slug, "--gold-share", "0.1")
    assert isinstance(done.exception, ConflictError)


def test_what_makes_no_sense_is_one_line_and_exit_1(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Session(engine) as session:
        make_study(session, slug="new", state=StudyState.DRAFT)
        session.commit()
    monkeypatch.setattr(sys, "argv", ["toprank", "study", "rules", "new", "--gold-share", "0.9"])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr().err == "toprank: gold_share is 0.9; it has to be between 0 and 0.5.\n"


def test_quality_is_reported_by_pseudonym(judged: tuple[Study, Person]) -> None:
    study, annotator = judged
    (one,) = answer("quality", study.slug)["annotators"]  # type: ignore[misc]
    assert one["annotator"] == pseudonym(study, annotator.id)
    assert (one["answers"], one["first"], one["state"]) == (4, 4, "active")
    assert one["share_first"] == 1.0
    assert one["gold"] == {"good": 0, "total": 0, "share": None, "interval": None}
    assert f"{one['annotator']}  active    4 answers, gold 0/0" in run("quality", study.slug).output


def test_a_study_that_nobody_judged_says_so(engine: Engine) -> None:
    with Session(engine) as session:
        make_study(session, slug="new")
        session.commit()
    assert run("quality", "new").output == "Nobody has judged anything in 'new' yet.\n"


def test_somebody_paused_is_resumed(engine: Engine, judged: tuple[Study, Person]) -> None:
    study, annotator = judged
    with Session(engine) as session:
        pause(session, session.get_one(Study, study.id), annotator.id, by_id=None, reason="A look.")
        session.commit()
    assert "A look." in run("quality", study.slug).output
    assert run("resume", study.slug, annotator.email).output == f"{annotator.email} may go on in {study.slug!r}.\n"
    assert isinstance(run("resume", study.slug, annotator.email).exception, ConflictError)


def test_a_withdrawal_says_what_it_did(judged: tuple[Study, Person]) -> None:
    study, annotator = judged
    name = pseudonym(study, annotator.id)
    done = answer("withdraw", study.slug, name, "--reason", "Asked to.")
    assert done == {"annotator": name, "state": "withdrawn", "rule": "replace", "answers": 4, "reopened": 4}
    assert "Asked to." in run("quality", study.slug).output


def test_a_withdrawal_is_told_in_words(judged: tuple[Study, Person]) -> None:
    study, annotator = judged
    told = run("withdraw", study.slug, annotator.email).output
    assert told == f"{annotator.email} is withdrawn from {study.slug!r}: 4 answers kept, 4 slots reopened.\n"


def test_somebody_is_paused_with_a_reason(judged: tuple[Study, Person]) -> None:
    study, annotator = judged
    told = run("pause-annotator", study.slug, annotator.email, "--reason", "A look.").output
    assert told == f"{annotator.email} is paused in {study.slug!r}.\n"
    assert "A look." in run("quality", study.slug).output
    assert isinstance(run("pause-annotator", study.slug, annotator.email).exception, ConflictError)


def test_the_pace_of_a_study_is_shown_once_it_tells_something(engine: Engine) -> None:
    with Session(engine) as session:
        study = make_pool(session, slug="poems", passages=12)
        judge(session, study)
        make_passage(session, make_dataset(session, study), state=PassageState.PENDING)
        session.commit()
    shown = run("show", "poems").output
    assert "annotations an hour, done on " in shown
    assert shown.count("USD spent.") == 1
    assert "! Passages that wait for a verdict: 1." in shown
