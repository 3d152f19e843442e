"""Whatever people change about studies, checkpoints and accounts is in the audit log, with who did it.

Not in it: what annotators do, which has tables of its own that only grow; how jobs end, which is the state of what they
worked on; and the suspicions about passages, which are computed again at will.
"""

import inspect
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.analysis.looks import take_look
from app.analysis.measuring import queue_measuring
from app.auth.accounts import change_password
from app.domain.audit import AuditFilter, AuditLine, audit_page
from app.domain.downstream import order_downstream, stop_downstream
from app.domain.downstream_plan import DownstreamPlan
from app.domain.english import EnglishStatement, record_english
from app.domain.generation_queue import queue_generation, retry_systems, stop_systems
from app.domain.hyperfit_plan import HyperfitPlan, Text
from app.domain.hyperfitting import continue_training, fail_training, order_training
from app.domain.pseudonyms import pseudonym
from app.domain.registry import validate_again
from app.domain.reviews import pause, record_decision, resume
from app.domain.scoring_queue import queue_scoring
from app.domain.studies import add_tokenizer, reference_tokenizer
from app.domain.systems import add_checkpoint
from app.domain.withdrawals import withdraw
from app.models import Passage, Person, ReferenceTokens
from app.models.checkpoint import CheckpointState
from app.models.person import Role
from app.models.review import Decision
from app.models.study import StudyState
from app.models.taking_part import EnglishMethod
from app.passages.importing import import_passages
from app.passages.validating import accept, reject
from app.queue import stop_jobs
from app.texts.source_text import SourceText
from tests.app.api.test_problems import api_of
from tests.app.conftest import PASSWORD
from tests.factories import make_checkpoint, make_dataset, make_person, make_pool, make_study, make_system
from tests.tiny_model import sample_text, tiny_tokenizer_json

# Routes that change something and name nobody: what they change is not a person's decision, or is not kept.
NAMELESS = {
    "POST /studies/{slug}/settings/guidelines/preview": "saves nothing",
    "POST /studies/{slug}/passages/check": "suspicions are computed again",
    "POST /people/{person_id}/mentions": "only looks",
}


@pytest.fixture
def researcher(session: Session) -> Person:
    return make_person(session, role=Role.RESEARCHER)


def log(session: Session, *, by: Person) -> list[AuditLine]:
    """What they did, the oldest first."""
    return audit_page(session, AuditFilter(actor=by.email))[::-1]


def actions(session: Session, *, by: Person) -> list[str]:
    return [line.entry.action for line in log(session, by=by)]


def test_a_look_is_on_record(session: Session, researcher: Person) -> None:
    study = make_study(session, slug="poems")
    take_look(session, study, researcher.id)
    (line,) = log(session, by=researcher)
    assert (line.entry.action, line.subject, line.entry.detail) == ("study.look", "study poems", {"number": 1})


def test_decisions_about_annotators_are_on_record_under_their_pseudonym(session: Session, researcher: Person) -> None:
    study, annotator = make_pool(session), make_person(session)
    pause(session, study, annotator.id, by_id=researcher.id, reason="Ada hurries.")
    resume(session, study, annotator.id, by_id=researcher.id)
    withdraw(session, study, annotator.id, by_id=researcher.id, reason="Asked to.")
    told = log(session, by=researcher)
    names = ["study.pause_annotator", "study.resume_annotator", "study.withdraw_annotator"]
    assert [line.entry.action for line in told] == names
    assert {str(line.entry.detail) for line in told} == {str({"annotator": pseudonym(study, annotator.id)})}


def test_a_threshold_s_pause_is_on_record_as_nobody_s(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    record_decision(session, study, annotator.id, Decision.PAUSED, reason="2 of 5 gold comparisons right.")
    (line,) = audit_page(session, AuditFilter(action="study.pause_annotator"))
    assert line.actor is None


def test_orders_to_workers_are_on_record_when_there_was_something_to_do(session: Session, researcher: Person) -> None:
    study = make_pool(session, passages=1)
    make_system(session, study, name="slow")
    session.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
    for _ in range(2):  # the second time nothing is left to queue
        queue_generation(session, study, ["slow"], by=researcher)
        queue_scoring(session, study, by=researcher)
        queue_measuring(session, study, by=researcher)
    stop_systems(session, study, ["slow"], pause=True, by=researcher)
    retry_systems(session, study, ["slow"], by=researcher)
    stop_systems(session, study, ["slow"], pause=False, by=researcher)
    assert actions(session, by=researcher) == [
        "study.queue_generation",
        "study.queue_scoring",
        "study.queue_measuring",
        "study.pause_generation",
        "study.retry_generation",
        "study.cancel_generation",
    ]
    assert log(session, by=researcher)[0].entry.detail == {"systems": ["slow"]}


def test_passages_and_verdicts_on_them_are_on_record(session: Session, researcher: Person) -> None:
    study = make_study(session, state=StudyState.DRAFT)
    session.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
    dataset = make_dataset(session, study, name="odes")
    dataset.study = study
    texts = [SourceText(sample_text(number), number) for number in (1, 2)]
    for _ in range(2):  # the second time all are there already
        import_passages(session, dataset, texts, reference_tokenizer(session, study), by=researcher)
    one, other = session.scalars(select(Passage.id).order_by(Passage.id))
    accept(session, study, one, by=researcher)
    reject(session, study, other, "dull", by=researcher)
    told = log(session, by=researcher)
    assert [line.entry.action for line in told] == ["study.import_passages", "passage.accept", "passage.reject"]
    assert told[0].entry.detail == {"dataset": "odes", "passages": 2, "accepted": False, "unjudged": False}


def test_what_is_done_with_checkpoints_is_on_record(session: Session, researcher: Person, tmp_path: Path) -> None:
    base = add_checkpoint(session, "base", "org/model", by=researcher)
    base.state = CheckpointState.READY
    plan = HyperfitPlan("fit", "base", "texts.jsonl", [Text("A text.")], {}, 10)
    fit = order_training(session, plan, tmp_path / "fit", by=researcher)
    stop_jobs(session, f"hyperfit:{fit.id}")
    fail_training(session, fit.id, "No memory.")
    assert continue_training(session, fit, by=researcher)
    sent = make_checkpoint(session, source="stored:" + "0" * 64, state=CheckpointState.FAILED)
    assert validate_again(session, sent, by=researcher)
    assert not validate_again(session, sent, by=researcher)
    (asked,) = order_downstream(session, ["base"], DownstreamPlan(), by=researcher)
    stop_downstream(session, asked, by=researcher)
    add_tokenizer(session, tiny_tokenizer_json(), "tiny", by=researcher)
    assert actions(session, by=researcher) == [
        "checkpoint.add",
        "checkpoint.hyperfit",
        "checkpoint.continue_hyperfit",
        "checkpoint.validate",
        "checkpoint.queue_downstream",
        "checkpoint.cancel_downstream",
        "study.add_tokenizer",
    ]


def test_a_person_s_password_and_what_others_state_of_them_are_on_record(session: Session, researcher: Person) -> None:
    annotator = make_person(session)
    statement = EnglishStatement("Frisian", EnglishMethod.INTERVIEW, "Dr. Vos", date(2026, 1, 2))
    record_english(session, annotator.id, statement, recorded_by=annotator.id)
    record_english(session, annotator.id, statement, recorded_by=researcher.id)
    change_password(session, researcher, PASSWORD)
    assert actions(session, by=researcher) == ["person.record_english", "person.change_password"]
    assert actions(session, by=annotator) == []


def writing_routes(app: FastAPI) -> Iterator[tuple[str, list[str]]]:
    """Every route of pages and API that changes something, with its endpoint's parameters."""
    for part in (app, api_of(app)):
        for route in iter_route_contexts(part.routes):
            names = list(inspect.signature(route.endpoint).parameters) if route.endpoint else []
            yield from ((f"{method} {route.path}", names) for method in {*(route.methods or ())} - {"GET", "HEAD"})


def test_every_route_that_changes_something_passes_on_who_asked(app: FastAPI) -> None:
    ignoring = {
        route for route, names in writing_routes(app) if {"_researcher", "_admin", "_writer", "_sender"} & set(names)
    }
    assert ignoring == set(NAMELESS)
