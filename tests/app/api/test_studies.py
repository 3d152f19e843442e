"""/api/v1/studies and what is below: from a draft to the close, by a program alone."""

from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.models import AuditEntry, ReferenceTokens, Study
from app.models.passage import PassageState
from app.models.study import StudyState
from tests.app.api.conftest import Program
from tests.factories import make_checkpoint, make_dataset, make_passage, make_pool, make_study, make_system
from tests.tiny_model import tiny_tokenizer_json

NEW = {"slug": "poems", "title": "Poems", "datasets": ["odes", "sonnets"]}
TOKENIZER = {"tokenizer_json": tiny_tokenizer_json().decode()}


def test_a_program_makes_a_study_and_opens_it(db: Session, researcher_program: Program) -> None:
    made = researcher_program.ask("POST", "/studies", json=NEW | TOKENIZER | {"quota": 2}).json()
    assert (made["slug"], made["state"], made["datasets"]) == ("poems", "draft", ["odes", "sonnets"])
    make_checkpoint(db, name="tiny")
    db.commit()
    added = researcher_program.ask("POST", "/studies/poems/systems", json={"name": "greedy", "checkpoint": "tiny"})
    assert added.status_code == 201
    assert added.json()["scenarios"] == [128, 256]
    early = researcher_program.ask("PUT", "/studies/poems/state", json={"state": "open"})
    assert (early.status_code, "no accepted passage" in early.json()["detail"]) == (409, True)
    study = db.scalars(select(Study)).one()
    make_passage(db, make_dataset(db, study))
    db.commit()

    opened = researcher_program.ask("PUT", "/studies/poems/state", json={"state": "open"}).json()

    assert (opened["state"], opened["is_locked"]) == ("open", True)
    assert opened["freedoms"]["quota"] == "upwards"
    assert opened["freedoms"]["gold_share"] == "locked"
    assert researcher_program.ask("GET", "/studies/poems/protocol").json()["quota"] == 2
    told = list(db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert told == ["token.make", "study.create", "study.add_system", "study.open"]
    assert set(db.scalars(select(AuditEntry.actor_id).where(AuditEntry.action != "token.make"))) == {
        researcher_program.person_id
    }


def test_a_checkpoint_of_this_machine_lends_its_tokenizer(
    db: Session, researcher_program: Program, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_bytes(tiny_tokenizer_json())
    make_checkpoint(db, name="tiny", source=str(tmp_path))
    make_checkpoint(db, name="far", source="org/model")
    db.commit()
    assert researcher_program.ask("POST", "/studies", json=NEW | {"tokenizer_of_checkpoint": "tiny"}).status_code == 201
    for name in ("far", "none"):
        body = NEW | {"slug": "two", "tokenizer_of_checkpoint": name}
        assert researcher_program.ask("POST", "/studies", json=body).status_code == 404
    assert researcher_program.ask("POST", "/studies", json=NEW | {"slug": "two"}).status_code == 400


def test_changes_are_named_and_locked_ones_refused(db: Session, researcher_program: Program) -> None:
    make_study(db, slug="poems", state=StudyState.OPEN)
    db.commit()
    changed = researcher_program.ask("PATCH", "/studies/poems", json={"quota": 5, "title": "More poems"}).json()
    assert (changed["quota"], changed["title"]) == (5, "More poems")
    for body, says in {"quota": (4, "never fall"), "gold_share": (0.1, "locked")}.items():
        refused = researcher_program.ask("PATCH", "/studies/poems", json={body: says[0]})
        assert (refused.status_code, says[1] in refused.json()["detail"]) == (409, True)
    unknown = researcher_program.ask("PATCH", "/studies/poems", json={"slug": "prose"})
    assert unknown.json()["errors"][0]["where"] == "body.slug"


def test_a_copy_brings_systems_and_rules_and_if_asked_passages(db: Session, researcher_program: Program) -> None:
    make_pool(db, passages=3, systems=2, slug="poems", gold_share=0.1)
    db.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
    db.commit()
    for slug, with_passages in {"one": False, "two": True}.items():
        body = {"slug": slug, "title": slug, "passages": with_passages}
        made = researcher_program.ask("POST", "/studies/poems/copies", json=body).json()
        assert (made["state"], made["settings"]["gold_share"]) == ("draft", 0.1)
        progress = researcher_program.ask("GET", f"/studies/{slug}/progress").json()
        assert len(progress["systems"]) == 2
        assert progress["datasets"][0]["accepted"] == (3 if with_passages else 0)


def test_a_forecast_says_what_a_system_takes(db: Session, researcher_program: Program) -> None:
    study = make_study(db, slug="poems", state=StudyState.DRAFT)
    for name in ("odes", "sonnets", "ballads"):
        make_dataset(db, study, name=name)
    make_system(db, study, name="greedy")
    db.commit()
    told = researcher_program.ask("GET", "/studies/poems/forecast").json()
    assert told["systems"][0]["annotations"] == 1800
    assert told["cost"] == pytest.approx(1800 * 45 / 3600 * 10)


def test_another_study_s_system_is_not_to_be_had(db: Session, researcher_program: Program) -> None:
    mine, other = make_study(db, slug="mine", state=StudyState.DRAFT), make_study(db, slug="other")
    make_system(db, mine)
    theirs = make_system(db, other)
    db.commit()
    for method in ("GET", "DELETE"):
        assert researcher_program.ask(method, f"/studies/mine/systems/{theirs.id}").status_code == 404
    assert researcher_program.ask("GET", f"/studies/other/systems/{theirs.id}").status_code == 200


def test_a_system_that_wrote_nothing_is_taken_out(db: Session, researcher_program: Program) -> None:
    study = make_study(db, slug="poems", state=StudyState.DRAFT)
    system = make_system(db, study)
    db.commit()
    assert researcher_program.ask("DELETE", f"/studies/poems/systems/{system.id}").status_code == 200
    assert researcher_program.ask("GET", "/studies/poems/systems").json() == {"entries": []}


def test_writing_is_queued_paused_and_seen_as_jobs(db: Session, researcher_program: Program) -> None:
    study = make_study(db, slug="poems")
    make_system(db, study, name="greedy")
    make_passage(db, make_dataset(db, study))
    make_study(db, slug="prose")
    db.commit()
    for deed, state in {"pause": "idle", "retry": "queued", "cancel": "idle", "queue": "queued"}.items():
        order = {"deed": deed, "systems": ["greedy"]}
        (system,) = researcher_program.ask("POST", "/studies/poems/generation", json=order).json()["entries"]
        assert system["state"] == state
    jobs = researcher_program.ask("GET", "/jobs?study=poems").json()["entries"]
    assert {(job["work"], job["subject"], job["study"], job["status"]) for job in jobs} == {
        ("generate", "greedy", "poems", "todo")
    }
    assert researcher_program.ask("GET", "/jobs?study=prose").json()["entries"] == []
    assert len(researcher_program.ask("GET", "/jobs?waiting=true").json()["entries"]) == 1


def test_checkpoints_are_listed_and_registered_by_their_hub_id(researcher_program: Program) -> None:
    made = researcher_program.ask("POST", "/checkpoints", json={"name": "one", "hub_id": "org/model"})
    assert made.json()["source"] == "org/model"
    refused = researcher_program.ask("POST", "/checkpoints", json={"name": "two", "hub_id": "/etc"})
    assert refused.status_code == 422
    assert [one["name"] for one in researcher_program.ask("GET", "/checkpoints").json()["entries"]] == ["one"]


def test_what_wants_an_eye_is_told_with_where_to_look(db: Session, researcher_program: Program) -> None:
    study = make_pool(db, slug="poems")
    make_passage(db, make_dataset(db, study), state=PassageState.PENDING)
    db.commit()
    (alert,) = researcher_program.ask("GET", "/studies/poems/alerts").json()["entries"]
    assert alert == {"words": "Passages that wait for a verdict: 1.", "page": "/passages/validate"}
