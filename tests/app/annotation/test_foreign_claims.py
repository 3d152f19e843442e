"""A claim of somebody else or of nobody: 404 wherever it is sent, and nothing is stored or changed."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.models import Study
from app.models.person import Role
from tests.app.conftest import Browser
from tests.factories import make_pool
from tests.serving import CLAIM

PATHS = {
    "/annotate": {"verdict": "first", "duration_ms": "1"},
    "/annotate/revise": {"verdict": "first", "duration_ms": "1"},
    "/annotate/skip": {"reason": "other"},
}
_EVERYTHING = text("""
SELECT md5(string_agg(row, '|')) FROM (
    SELECT a::text AS row FROM assignment a UNION ALL SELECT n::text FROM annotation n
    UNION ALL SELECT c::text FROM comparison c ORDER BY 1) AS rows
""")


@pytest.fixture
def study(db: Session) -> Study:
    study = make_pool(db, passages=20)
    db.commit()
    return study


def everything(db: Session) -> str:
    db.rollback()
    found: str = db.execute(_EVERYTHING).scalar_one()
    return found


def claim_of(browser: Browser, study: Study) -> str:
    found = CLAIM.search(browser.get(f"/annotate?study={study.slug}").text)
    assert found
    return found[1]


@pytest.mark.parametrize("path", PATHS)
def test_somebody_elses_claim_is_not_found(
    browser: Callable[[Role], Browser], db: Session, study: Study, path: str
) -> None:
    mine, theirs = browser(Role.ANNOTATOR), browser(Role.ANNOTATOR)
    answered = claim_of(theirs, study)
    theirs.submit("/annotate", claim=answered, **PATHS["/annotate"])
    shown = claim_of(theirs, study)
    before = everything(db)
    for claim in (answered, shown):
        assert mine.submit(path, claim=claim, **PATHS[path]).status_code == 404
    assert everything(db) == before


@pytest.mark.parametrize("path", PATHS)
def test_an_invented_claim_is_not_found(annotator: Browser, db: Session, study: Study, path: str) -> None:
    claim_of(annotator, study)
    before = everything(db)
    assert annotator.submit(path, claim=str(uuid4()), **PATHS[path]).status_code == 404
    assert annotator.submit(path, claim="1", **PATHS[path]).status_code == 422
    assert everything(db) == before
