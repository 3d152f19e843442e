"""The addresses of the annotation page without JavaScript: what each answers, and what it leaves alone."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.auth.accounts import find_account
from app.domain.withdrawals import withdraw
from app.models import Assignment, Study
from app.models.annotation import AssignmentState
from app.models.study import StudyState
from tests.app.conftest import Browser
from tests.factories import make_pool, make_study
from tests.serving import CLAIM


@pytest.fixture
def study(db: Session) -> Study:
    study = make_pool(db, passages=20)
    db.commit()
    return study


def claim_of(browser: Browser, study: Study) -> str:
    found = CLAIM.search(browser.get(f"/annotate?study={study.slug}").text)
    assert found
    return found[1]


def states(db: Session) -> list[str]:
    db.rollback()
    return list(db.scalars(select(Assignment.state).order_by(Assignment.id)))


def test_without_any_open_study_the_page_says_so_and_other_pages_lead_back(annotator: Browser) -> None:
    assert annotator.get("/annotate").status_code == 200
    assert annotator.get("/annotate/revise").headers["location"] == "/annotate"
    assert annotator.get("/me/answers").headers["location"] == "/me"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/annotate/consent", {"version": 1}),
        ("/annotate/guidelines", {"version": 1, "opened": 0}),
        ("/annotate/qualification/next", {}),
    ],
)
def test_a_step_without_any_open_study_leads_back(annotator: Browser, path: str, fields: dict[str, int]) -> None:
    assert annotator.submit(path, **fields).headers["location"] == "/annotate"


def test_an_unknown_study_and_a_draft_are_not_found(annotator: Browser, db: Session) -> None:
    draft = make_study(db, state=StudyState.DRAFT)
    db.commit()
    for slug in ("nowhere", draft.slug):
        assert annotator.get(f"/annotate?study={slug}").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
def test_a_page_that_nobody_asked_to_see_leases_nothing(
    annotator: Browser, db: Session, study: Study, headers: dict[str, str]
) -> None:
    assert annotator.get(f"/annotate?study={study.slug}", headers=headers).status_code == 204
    assert states(db) == []


@pytest.mark.parametrize(
    ("columns", "standing"),
    [
        ({"state": StudyState.PAUSED}, "paused"),
        ({"state": StudyState.CLOSED}, "complete"),
        ({}, "preparing"),
    ],
)
def test_the_page_says_why_there_is_nothing(
    annotator: Browser, db: Session, columns: dict[str, object], standing: str
) -> None:
    study = make_study(db, **columns)
    db.commit()
    assert f'data-standing="{standing}"' in annotator.get(f"/annotate?study={study.slug}").text


def test_whoever_was_withdrawn_is_thanked(annotator: Browser, db: Session, study: Study) -> None:
    me = find_account(db, annotator.email)
    assert me is not None
    withdraw(db, study, me.id, by_id=None, reason="Asked to.")
    db.commit()
    assert 'data-standing="withdrawn"' in annotator.get(f"/annotate?study={study.slug}").text


def test_an_answer_leads_to_the_next_and_can_be_revised(annotator: Browser, study: Study) -> None:
    claim = claim_of(annotator, study)
    answered = annotator.submit("/annotate", claim=claim, verdict="first", duration_ms=1)
    assert answered.headers["location"] == f"/annotate?study={study.slug}"
    assert claim in annotator.get(f"/annotate/revise?study={study.slug}").text
    revised = annotator.submit("/annotate/revise", claim=claim, verdict="second", duration_ms=1)
    assert revised.headers["location"] == f"/annotate?study={study.slug}"
    assert annotator.get(f"/me/answers?study={study.slug}").status_code == 200


def test_a_skip_keeping_and_leaving_are_acknowledged(annotator: Browser, db: Session, study: Study) -> None:
    claim = claim_of(annotator, study)
    assert annotator.submit("/annotate/keep", claim=claim).status_code == 204
    assert annotator.submit("/annotate/leave", claim=claim).status_code == 204
    leases = select(func.max(Assignment.lease_expires_at - Assignment.claimed_at))
    assert db.scalar(leases).total_seconds() < 90  # type: ignore[union-attr]
    skipped = annotator.submit("/annotate/skip", claim=claim, reason="other")
    assert skipped.headers["location"] == f"/annotate?study={study.slug}"
    assert AssignmentState.SKIPPED in states(db)


def test_a_flag_leads_back_to_the_comparison(annotator: Browser, study: Study) -> None:
    claim = claim_of(annotator, study)
    flagged = annotator.submit("/annotate/flag", claim=claim, note="The second text is cut.")
    assert flagged.headers["location"] == f"/annotate?study={study.slug}"
    assert claim_of(annotator, study) == claim
