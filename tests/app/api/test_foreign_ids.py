"""Ids of other studies and of other people: every route that takes one answers 404, as for what does not exist."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.domain.pseudonyms import pseudonym
from app.models import ApiToken, Dataset, Passage, Study
from app.models.person import Role
from app.models.study import StudyState
from tests.app.api.conftest import Program
from tests.app.api.test_access import routes_of
from tests.factories import make_person, make_pool, make_study, make_system

# A body that is right for each route of a study that takes an id; what is not named here takes none.
BODIES: dict[str, dict[str, object]] = {
    "PUT /studies/{slug}/passages/{passage_id}/verdict": {"verdict": "accept"},
    "POST /studies/{slug}/passages/{passage_id}/trim": {"direction": "later"},
    "PUT /studies/{slug}/passages/{passage_id}/text": {"text": "Mine."},
    "POST /studies/{slug}/annotators/{annotator}/pause": {},
    "POST /studies/{slug}/annotators/{annotator}/resume": {},
    "POST /studies/{slug}/annotators/{annotator}/withdraw": {},
    "POST /studies/{slug}/datasets/{dataset}/passages": {"texts": [{"text": "One."}]},
}


@pytest.fixture
def theirs(db: Session) -> dict[str, object]:
    """Ids of a study that is not mine: of a passage, a system, a dataset and an annotator."""
    make_study(db, slug="mine", state=StudyState.DRAFT)
    other = make_pool(db, slug="other")
    annotator = make_person(db)
    claim(db, other, annotator.id)
    system = make_system(db, other)
    passage = db.scalars(select(Passage).where(Passage.study_id == other.id).limit(1)).one()
    found = {
        "passage_id": passage.id,
        "system_id": system.id,
        "annotator": pseudonym(other, annotator.id),
        "dataset": db.get_one(Dataset, passage.dataset_id).name,
    }
    db.commit()
    return found


def test_no_route_of_a_study_takes_another_s_id(
    app: FastAPI, researcher_program: Program, theirs: dict[str, object]
) -> None:
    routes = [route for route in routes_of(app) if "{slug}" in route and route.count("{") > 1]
    assert set(BODIES) < set(routes)
    assert len(routes) >= 12
    for route in routes:
        method, path = route.split(" ")
        asked = {"json": BODIES[route]} if route in BODIES else {}
        answer = researcher_program.ask(method, path.format(slug="mine", **theirs), **asked)
        assert answer.status_code == 404, (route, answer.text)


def test_no_route_takes_another_person_s_token(db: Session, program: Callable[..., Program]) -> None:
    me, other = program(Role.RESEARCHER), program(Role.RESEARCHER)
    theirs = db.scalars(select(ApiToken.id).where(ApiToken.person_id == other.person_id)).one()
    assert me.ask("DELETE", f"/tokens/{theirs}").status_code == 404
    assert other.ask("GET", "/studies").status_code == 200
    assert str(theirs) not in [str(one["id"]) for one in me.ask("GET", "/tokens").json()["entries"]]


def test_a_study_that_does_not_exist_is_named_as_such(db: Session, researcher_program: Program) -> None:
    assert db.scalar(select(Study.id)) is None
    assert "There is no study" in researcher_program.ask("GET", "/studies/none/annotators").json()["detail"]
