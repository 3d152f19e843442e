"""/api/v1/studies/{slug}/annotators and /flags: pseudonyms alone, and only this study's."""

import pytest
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.verdicts import Answer, record_verdict
from app.domain.flags import flag
from app.domain.pseudonyms import pseudonym
from app.models import Person, Study
from app.models.annotation import VerdictShown
from tests.app.api.conftest import Program
from tests.factories import make_person, make_pool


@pytest.fixture
def study(db: Session) -> Study:
    made = make_pool(db, slug="poems")
    db.commit()
    return made


@pytest.fixture
def annotator(db: Session, study: Study) -> Person:
    """Somebody who judged one comparison, and flagged it."""
    person = make_person(db, email="ada@lab.example")
    shown = claim(db, study, person.id).shown
    assert shown is not None
    flag(db, person.id, shown, "Half of it is French.")
    record_verdict(db, person.id, shown, Answer(VerdictShown.FIRST))
    db.commit()
    return person


def test_annotators_and_notes_are_shown_by_pseudonym(
    researcher_program: Program, study: Study, annotator: Person
) -> None:
    listed = researcher_program.ask("GET", "/studies/poems/annotators")
    (one,) = listed.json()["entries"]
    assert (one["annotator"], one["state"], one["answers"]) == (pseudonym(study, annotator.id), None, 1)
    assert one["gold"] == {"good": 0, "total": 0, "share": None, "interval": None}
    noted = researcher_program.ask("GET", "/studies/poems/flags")
    (note,) = noted.json()["entries"]
    assert (note["note"], note["annotator"]) == ("Half of it is French.", one["annotator"])
    assert "ada@lab.example" not in listed.text + noted.text


def test_annotators_and_notes_come_in_pages(researcher_program: Program, study: Study, db: Session) -> None:
    for number in range(3):
        person = make_person(db)
        shown = claim(db, study, person.id).shown
        assert shown is not None
        flag(db, person.id, shown, f"Note {number}.")
        record_verdict(db, person.id, shown, Answer(VerdictShown.FIRST))
    db.commit()
    for path, key in (("annotators", "annotator"), ("flags", "note")):
        first = researcher_program.ask("GET", f"/studies/poems/{path}?limit=2").json()
        rest = researcher_program.ask("GET", first["next"].removeprefix("/api/v1")).json()
        found = [one[key] for one in first["entries"] + rest["entries"]]
        assert (len(found), rest["next"], found) == (3, None, sorted(found))


def test_an_annotator_is_paused_resumed_and_withdrawn(
    researcher_program: Program, study: Study, annotator: Person
) -> None:
    here = f"/studies/poems/annotators/{pseudonym(study, annotator.id)}"
    paused = researcher_program.ask("POST", f"{here}/pause", json={"reason": "A look."}, key="one")
    assert (paused.json()["decision"], paused.json()["reason"]) == ("paused", "A look.")
    replayed = researcher_program.ask("POST", f"{here}/pause", json={"reason": "A look."}, key="one")
    assert replayed.json() == paused.json()
    assert researcher_program.ask("POST", f"{here}/pause", json={}).status_code == 409
    assert researcher_program.ask("POST", f"{here}/resume", json={}).json()["decision"] == "resumed"
    done = researcher_program.ask("POST", f"{here}/withdraw", json={"reason": "Asked to."}).json()
    assert done == {"rule": "replace", "answers": 1, "reopened": 1}
    assert researcher_program.ask("GET", "/studies/poems/annotators").json()["entries"][0]["state"] == "withdrawn"


def test_an_address_names_nobody(researcher_program: Program, annotator: Person) -> None:
    asked = researcher_program.ask("POST", f"/studies/poems/annotators/{annotator.email}/pause", json={})
    assert asked.status_code == 422
