"""/api/v1/studies/{slug}: datasets, contrasts, stopping, consent, qualification, gold and what is asked of workers."""

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.annotation.steps import give_consent
from app.models import AuditEntry, ConsentForm, Passage, Qualification, ReferenceTokens, Study, System, TrainingTexts
from app.models.passage import PassageState
from app.models.study import StudyState
from tests.app.api.conftest import Program
from tests.app.domain.test_continuations import real_passage
from tests.factories import (
    make_checkpoint,
    make_dataset,
    make_passage,
    make_person,
    make_pool,
    make_score,
    make_study,
    make_system,
)
from tests.tiny_model import tiny_tokenizer_json

CONSENT = {"purpose": "Why", "content_warning": "What", "contact": "Who", "review_board": "None needed"}


@pytest.fixture
def study(db: Session) -> Study:
    """A draft that counts in a real tokenizer, with one empty dataset and two systems."""
    made = make_study(db, slug="poems", state=StudyState.DRAFT)
    make_dataset(db, made, name="odes")
    db.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
    for name in ("base", "fit"):
        make_system(db, made, name=name)
    db.commit()
    return made


def test_datasets_come_and_go_while_they_are_empty(researcher_program: Program, study: Study, db: Session) -> None:
    made = researcher_program.ask("POST", "/studies/poems/datasets", json={"name": "hymns"}, key="one")
    again = researcher_program.ask("POST", "/studies/poems/datasets", json={"name": "hymns"}, key="one")
    assert (made.status_code, made.json()["datasets"]) == (201, ["odes", "hymns"])
    assert again.json() == made.json()
    assert researcher_program.ask("POST", "/studies/poems/datasets", json={"name": "odes"}).status_code == 409
    assert researcher_program.ask("DELETE", "/studies/poems/datasets/odes").json()["datasets"] == ["hymns"]
    assert researcher_program.ask("DELETE", "/studies/poems/datasets/hymns").status_code == 409
    assert researcher_program.ask("DELETE", "/studies/poems/datasets/odes").status_code == 404
    actors = db.scalars(select(AuditEntry.actor_id).where(AuditEntry.action.like("study.%_dataset"))).all()
    assert actors == [researcher_program.person_id] * 2


def test_contrasts_and_a_stopping_rule_make_the_protocol(researcher_program: Program, study: Study) -> None:
    pairs = {"contrasts": [{"system": "fit", "against": "base"}]}
    assert researcher_program.ask("PUT", "/studies/poems/contrasts", json=pairs).json() == pairs
    unknown = {"contrasts": [{"system": "fit", "against": "none"}]}
    assert researcher_program.ask("PUT", "/studies/poems/contrasts", json=unknown).status_code == 404
    rule = {"when": "date", "at": "2026-12-01T18:00:00Z"}
    assert researcher_program.ask("PUT", "/studies/poems/stopping", json=rule).json() == rule | {"after": None}
    assert researcher_program.ask("PUT", "/studies/poems/stopping", json={"when": "date"}).status_code == 400
    protocol = researcher_program.ask("GET", "/studies/poems/protocol").json()
    assert protocol["contrasts"] == [["fit", "base"]]
    assert protocol["stopping"] == {"when": "date", "at": "2026-12-01T18:00:00+00:00", "after": None}
    assert researcher_program.ask("PUT", "/studies/poems/contrasts", json={"contrasts": []}).json() == {"contrasts": []}
    assert researcher_program.ask("GET", "/studies/poems/protocol").json()["contrasts"] == []


def test_every_consent_form_is_another_version(researcher_program: Program, study: Study, db: Session) -> None:
    assert researcher_program.ask("GET", "/studies/poems/consent").status_code == 404
    assert researcher_program.ask("PUT", "/studies/poems/consent", json=CONSENT).json()["version"] == 1
    other = researcher_program.ask("PUT", "/studies/poems/consent", json=CONSENT | {"pay": "Cake."}).json()
    assert (other["version"], other["pay"]) == (2, "Cake.")
    assert researcher_program.ask("GET", "/studies/poems/consent").json() == other
    assert researcher_program.ask("GET", "/studies/poems/consent?version=3").status_code == 404
    give_consent(db, db.get_one(Study, study.id, populate_existing=True), make_person(db).id, version=2)
    db.commit()
    old = researcher_program.ask("GET", "/studies/poems/consent?version=1").json()
    first = researcher_program.ask("GET", "/studies/poems/consent/versions?limit=1").json()
    assert (first["entries"], first["next"]) == ([old], "/api/v1/studies/poems/consent/versions?after=1&limit=1")
    (newest,) = researcher_program.ask("GET", "/studies/poems/consent/versions?after=1").json()["entries"]
    assert newest == other | {"agreed": 1}
    assert researcher_program.ask("PUT", "/studies/poems/consent", json=CONSENT | {"contact": " "}).status_code == 400
    assert "10.00 USD" in db.scalars(select(ConsentForm.pay).where(ConsentForm.version == 1)).one()


def test_a_qualification_and_gold_set_passages_aside(researcher_program: Program, study: Study, db: Session) -> None:
    for number in range(6):
        real_passage(db, db.get_one(Study, study.id), number)
    db.commit()
    plan = {"comparisons": 2, "pass_mark": 1, "attempts": 3, "retry_minutes": 5}
    assert researcher_program.ask("GET", "/studies/poems/qualification").status_code == 404
    made = researcher_program.ask("POST", "/studies/poems/qualification", json=plan)
    assert (made.status_code, made.json()) == (201, plan)
    assert researcher_program.ask("POST", "/studies/poems/qualification", json=plan).status_code == 409
    for person, passed in ((make_person(db), True), (make_person(db), None)):
        ended = {"ended_at": func.now(), "correct": 2, "passed": True} if passed else {}
        db.add(Qualification(study_id=study.id, annotator_id=person.id, attempt=1, **ended))
    db.commit()
    seen = researcher_program.ask("GET", "/studies/poems/qualification").json()
    assert seen == plan | {"began": 2, "passed": 1}
    assert researcher_program.ask("POST", "/studies/poems/gold", json={"count": 2}).json() == {"gold": 2}
    assert researcher_program.ask("GET", "/studies/poems/gold").json() == {"gold": 2}
    assert researcher_program.ask("POST", "/studies/poems/gold", json={"count": 9}).status_code == 409
    db.rollback()
    assert db.query(Passage).where(Passage.state == PassageState.RESERVED).count() == 5


def test_edited_passages_are_used_and_those_that_wait_checked_again(
    researcher_program: Program, study: Study, db: Session
) -> None:
    dataset = make_dataset(db, study, name="hymns")
    make_passage(db, dataset, state=PassageState.EDITED, unedited="As it was.")
    make_passage(db, dataset, state=PassageState.PENDING, original=" at https://lab.example and on.")
    db.commit()
    assert researcher_program.ask("POST", "/studies/poems/datasets/hymns/use-edited").json() == {"used": 1}
    assert researcher_program.ask("POST", "/studies/poems/passages/check").json() == {"checked": 1}
    listed = researcher_program.ask("GET", "/studies/poems/passages?dataset=hymns").json()["entries"]
    assert [(one["state"], one["suspicions"]) for one in listed] == [("accepted", None), ("pending", ["boilerplate"])]


def test_a_system_may_bring_the_texts_that_it_shall_not_repeat(
    researcher_program: Program, study: Study, db: Session
) -> None:
    make_checkpoint(db, name="tiny")
    db.commit()
    new = {"name": "blocked", "checkpoint": "tiny", "training_texts": {"name": "mine", "texts": ["One.", "Two."]}}
    assert researcher_program.ask("POST", "/studies/poems/systems", json=new).status_code == 400
    assert (
        researcher_program.ask("POST", "/studies/poems/systems", json=new | {"block_citations": True}).status_code
        == 201
    )
    sha256 = db.scalars(select(System.training_texts_sha256).where(System.name == "blocked")).one()
    assert db.get_one(TrainingTexts, sha256).texts == ["One.", "Two."]


def test_reading_and_measuring_are_left_to_workers(researcher_program: Program, db: Session) -> None:
    made = make_pool(db, slug="prose", passages=1, open_to_look=True)
    closed = make_pool(db, slug="hidden", passages=1)
    db.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
    db.commit()
    assert len(researcher_program.ask("POST", "/studies/prose/scoring").json()["queued"]) == 1
    assert researcher_program.ask("POST", "/studies/prose/scoring").json() == {"queued": []}
    assert researcher_program.ask("POST", "/studies/prose/measurements").json() == {"queued": True}
    assert researcher_program.ask("POST", "/studies/prose/measurements").json() == {"queued": False}
    assert researcher_program.ask("POST", f"/studies/{closed.slug}/measurements").status_code == 403
    jobs = researcher_program.ask("GET", f"/jobs?study={made.slug}").json()["entries"]
    assert {job["work"] for job in jobs} == {"score", "measure"}


def test_scores_are_told_by_checkpoint_and_dataset(researcher_program: Program, study: Study, db: Session) -> None:
    assert researcher_program.ask("GET", "/studies/poems/scores").json() == {"entries": []}
    checkpoint = make_checkpoint(db, name="tiny")
    make_score(db, checkpoint, make_passage(db, make_dataset(db, study, name="hymns")))
    db.commit()
    hymns, every = researcher_program.ask("GET", "/studies/poems/scores").json()["entries"]
    assert (hymns["checkpoint"], hymns["dataset"], every["dataset"]) == ("tiny", "hymns", None)
    # each token at probability 1/2
    assert (round(hymns["perplexity"], 6), hymns["top1_mass"], every["passages"]) == (2.0, 0.5, 1)
