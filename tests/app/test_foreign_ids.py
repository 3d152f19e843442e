"""An id of another study or of somebody else, on every page and call: refused, and nothing is changed."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.auth.api_tokens import create_api_token
from app.domain.pseudonyms import pseudonym
from app.models import ApiToken, Dataset, Passage, Person, System, Upload, UploadFile
from app.models.person import Role, TokenScope
from tests.app.api.conftest import Program, program
from tests.app.api.test_access import routes_of as api_routes
from tests.app.conftest import Browser
from tests.app.test_access import routes_of as page_routes
from tests.factories import make_checkpoint, make_person, make_pool

__all__ = ["program"]

# What belongs to one study or to one person ...
OWNED = {"annotator", "dataset", "passage_id", "system_id", "token_id", "upload_id"}
# ... and what names a thing that everybody whom the access tables let in shares, or none.
SHARED = {
    *("slug", "checkpoint_id", "run_id", "person_id", "sha256", "key", "token"),
    *("number", "name", "extension", "file_format", "step", "deed"),
}
REASON, TEXT, EARLIER = {"reason": "x"}, {"text": "mended"}, {"direction": "earlier"}

PAGES: dict[str, dict[str, str]] = {
    "POST /studies/{slug}/passages/{passage_id}/accept": {},
    "POST /studies/{slug}/passages/{passage_id}/reject": REASON,
    "POST /studies/{slug}/passages/{passage_id}/trim": EARLIER,
    "POST /studies/{slug}/passages/{passage_id}/edit": TEXT,
    "POST /studies/{slug}/passages/{passage_id}/reconsider": {},
    "GET /studies/{slug}/texts/{passage_id}": {},
    "POST /studies/{slug}/quality/{annotator}/pause": REASON,
    "POST /studies/{slug}/quality/{annotator}/resume": REASON,
    "POST /studies/{slug}/quality/{annotator}/withdraw": REASON,
    "POST /me/tokens/{token_id}/revoke": {},
    "POST /checkpoints/upload/{upload_id}/cancel": {},
}
CALLS: dict[str, object] = {
    "DELETE /studies/{slug}/datasets/{dataset}": None,
    "POST /studies/{slug}/datasets/{dataset}/passages": {"texts": [{"text": "A text."}]},
    "POST /studies/{slug}/datasets/{dataset}/images": {"images": [{"name": "a.png", "content": "eA=="}]},
    "POST /studies/{slug}/datasets/{dataset}/use-edited": None,
    "POST /studies/{slug}/annotators/{annotator}/pause": REASON,
    "POST /studies/{slug}/annotators/{annotator}/resume": REASON,
    "POST /studies/{slug}/annotators/{annotator}/withdraw": REASON,
    "GET /studies/{slug}/systems/{system_id}": None,
    "DELETE /studies/{slug}/systems/{system_id}": None,
    "GET /studies/{slug}/passages/{passage_id}": None,
    "PUT /studies/{slug}/passages/{passage_id}/verdict": {"verdict": "accept"},
    "POST /studies/{slug}/passages/{passage_id}/trim": EARLIER,
    "PUT /studies/{slug}/passages/{passage_id}/text": TEXT,
    "DELETE /tokens/{token_id}": None,
    "GET /uploads/{upload_id}": None,
    "HEAD /uploads/{upload_id}/files/{number}": None,
    "PATCH /uploads/{upload_id}/files/{number}": b"x",
    "POST /uploads/{upload_id}/files/{number}/check": {"sha256": "0" * 64},
    "POST /uploads/{upload_id}/finish": None,
    "DELETE /uploads/{upload_id}": None,
}
PART = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
CHANGEABLE = ("passage", "system", "dataset", "review", "api_token", "upload", "upload_file", "audit")
_EVERYTHING = text(
    "SELECT md5(string_agg(row, '|' ORDER BY row)) FROM ("
    + " UNION ALL ".join(f"SELECT one::text AS row FROM {table} one" for table in CHANGEABLE)
    + ") AS rows"
)


def parameters(route: str) -> set[str]:
    return set(re.findall(r"{(\w+)(?::path)?}", route))


def make_house(db: Session, owner: int, slug: str) -> dict[str, object]:
    """A study with its parts, and what its owner has, by the names that paths call them."""
    study, annotator = make_pool(db, slug=slug, passages=2, open_to_look=True), make_person(db)
    assert claim(db, study, annotator.id).shown
    (dataset,) = db.scalars(select(Dataset).where(Dataset.study_id == study.id))
    dataset.name = f"of-{slug}"
    upload = Upload(id=uuid4(), checkpoint_id=make_checkpoint(db).id, person_id=owner)
    db.add(upload)
    db.flush()
    db.add(UploadFile(upload_id=upload.id, number=0, name="model.safetensors", size=1, modified=None))
    create_api_token(db, db.get_one(Person, owner), [TokenScope.READ])
    db.commit()
    return {
        "slug": slug,
        "annotator": pseudonym(study, annotator.id),
        "dataset": dataset.name,
        "passage_id": db.scalar(select(func.min(Passage.id)).where(Passage.study_id == study.id)),
        "system_id": db.scalar(select(func.min(System.id)).where(System.study_id == study.id)),
        "token_id": db.scalar(select(func.max(ApiToken.id))),
        "upload_id": upload.id,
        "number": 0,
    }


def everything(db: Session) -> str:
    db.rollback()
    found: str = db.execute(_EVERYTHING).scalar_one()
    return found


def test_every_path_is_known_to_take_what_is_shared_or_is_tried_with_what_is_not(app: FastAPI) -> None:
    for routes, tried in ((set(page_routes(app)), PAGES), (set(api_routes(app)), CALLS)):
        assert set().union(*map(parameters, routes)) <= OWNED | SHARED
        assert {route for route in routes if parameters(route) & OWNED} == set(tried)


def mixed(mine: dict[str, object], theirs: dict[str, object], route: str) -> str:
    """The route's path within my study, with the other's id in it."""
    return route.partition(" ")[2].format_map(theirs | {"slug": mine["slug"]})


def test_a_page_finds_nothing_by_a_foreign_id(researcher: Browser, db: Session) -> None:
    me = db.scalars(select(Person.id).where(Person.email == researcher.email)).one()
    theirs = make_house(db, make_person(db, role=Role.RESEARCHER).id, "theirs")
    mine = make_house(db, me, "mine")

    def answers(house: dict[str, object]) -> dict[str, int]:
        paths = {route: mixed(mine, house, route) for route in PAGES}
        return {
            route: (
                researcher.get(path) if route[0] == "G" else researcher.submit(path, headers=None, **PAGES[route])
            ).status_code
            for route, path in paths.items()
        }

    before = everything(db)
    assert answers(theirs) == dict.fromkeys(PAGES, 404)
    assert everything(db) == before
    # with one's own they are found, whatever they then say; a consent or a rule may still stand in the way
    assert not {404, 422} & set(answers(mine).values())
    assert everything(db) != before


def test_a_program_finds_nothing_by_a_foreign_id(program: Callable[..., Program], db: Session) -> None:
    asking = program(Role.RESEARCHER, TokenScope.READ, TokenScope.WRITE, TokenScope.UPLOAD)
    theirs = make_house(db, make_person(db, role=Role.RESEARCHER).id, "theirs")
    mine = make_house(db, asking.person_id, "mine")

    def ask(house: dict[str, object], route: str) -> int:
        method, body = route.partition(" ")[0], CALLS[route]
        sent: Any = {"content": body, "headers": PART} if isinstance(body, bytes) else {"json": body}
        address = f"/api/v1{mixed(mine, house, route)}"
        return asking.request(method, address, **sent).status_code

    before = everything(db)
    # an open study's datasets are locked, whatever they are called
    refusals = dict.fromkeys(CALLS, 404) | {"DELETE /studies/{slug}/datasets/{dataset}": 409}
    assert {route: ask(theirs, route) for route in CALLS} == refusals
    assert everything(db) == before
    found = {route: ask(mine, route) for route in CALLS}
    # those that look for bytes, of which this upload has none yet
    assert {route.partition(" ")[2] for route, status in found.items() if status in (404, 422)} == {
        "/uploads/{upload_id}/files/{number}",
        "/uploads/{upload_id}/files/{number}/check",
        "/uploads/{upload_id}/finish",
    }
    assert found["HEAD /uploads/{upload_id}/files/{number}"] == 200
    assert everything(db) != before
