"""/studies/{slug}/quality: who works how, and what a researcher decides."""

import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.verdicts import Answer, record_verdict
from app.auth.accounts import find_account
from app.domain.pseudonyms import pseudonym
from app.domain.reviews import pause
from app.models import Assignment, Person, Review, Study
from app.models.annotation import VerdictShown
from app.models.study import StudyState, Withdrawal
from tests.app.conftest import Browser
from tests.factories import make_gold, make_person, make_pool

# Says which assignments are checks: with it, each of the first eight people meets all five gold ones among their first
# twelve, before a threshold can pause them. With a secret of chance some would be paused before.
SECRET = b"%032d" % 2034


@pytest.fixture
def study(db: Session) -> Study:
    made = make_pool(
        db,
        passages=20,
        secret=SECRET,
        gold_share=0.3,
        min_gold_accuracy=0.8,
        min_self_consistency=0.5,
        min_reading_ms=2_000,
    )
    for _ in range(5):
        make_gold(db, made)
    db.commit()
    return made


@pytest.fixture
def name(db: Session, study: Study) -> str:
    """The pseudonym of somebody who judged all they could."""
    annotator = make_person(db)
    while (shown := claim(db, study, annotator.id).shown) is not None:
        record_verdict(db, annotator.id, shown, Answer(VerdictShown.FIRST))
    db.commit()
    return pseudonym(study, annotator.id)


def decisions(db: Session) -> list[tuple[str, str, int | None]]:
    db.rollback()
    return [(one.decision, one.reason, one.by_id) for one in db.scalars(select(Review).order_by(Review.id))]


def test_the_page_shows_each_annotator_by_pseudonym(researcher: Browser, study: Study, name: str) -> None:
    page = researcher.get(f"/studies/{study.slug}/quality")
    assert page.status_code == 200
    assert name in page.text
    assert "@example.org" not in page.text
    assert re.search(r"Gold right</dt><dd>[0-9]+\u00a0% <small>\d of 5", page.text)


def test_a_study_that_nobody_judged_says_so(researcher: Browser, study: Study) -> None:
    assert "Nobody has judged anything" in researcher.get(f"/studies/{study.slug}/quality").text


def test_a_researcher_resumes_whoever_a_threshold_paused(
    researcher: Browser, db: Session, study: Study, name: str
) -> None:
    path = f"/studies/{study.slug}/quality"
    by = find_account(db, researcher.email)
    assert by is not None
    # judged everything at once, which is too fast: paused before the end
    assert "paused for review" in researcher.get(path).text
    assert researcher.submit(f"{path}/{name}/resume", reason="We spoke.").headers["location"] == path
    assert decisions(db)[-1] == ("resumed", "We spoke.", by.id)
    assert "paused for review" not in researcher.get(path).text
    assert researcher.submit(f"{path}/{name}/resume").status_code == 409


def test_a_researcher_pauses_and_withdraws(researcher: Browser, db: Session, name: str, study: Study) -> None:
    path = f"/studies/{study.slug}/quality/{name}"
    if decisions(db):
        researcher.submit(f"{path}/resume")
    assert researcher.submit(f"{path}/pause", reason="A look.").status_code == 303
    assert researcher.submit(f"{path}/withdraw", reason="Asked to.").status_code == 303
    assert [decision[:2] for decision in decisions(db)][-2:] == [("paused", "A look."), ("withdrawn", "Asked to.")]
    assert researcher.submit(f"{path}/withdraw").status_code == 409
    assert f'action="{path}/' not in researcher.get(f"/studies/{study.slug}/quality").text


def test_a_name_of_nobody_is_not_found(researcher: Browser, db: Session, study: Study) -> None:
    for deed in ("pause", "resume", "withdraw"):
        assert researcher.submit(f"/studies/{study.slug}/quality/{'0' * 12}/{deed}").status_code == 404
    assert decisions(db) == []


def test_an_address_names_nobody_whether_or_not_it_has_an_account(
    researcher: Browser, annotator: Browser, db: Session, study: Study, name: str
) -> None:
    met = db.scalars(select(Assignment.annotator_id)).first()
    addresses = [db.get_one(Person, met).email, annotator.email, researcher.email, "nobody@lab.example"]
    before = decisions(db)
    answers = [
        (address, researcher.submit(f"/studies/{study.slug}/quality/{address}/{deed}"))
        for address in addresses
        for deed in ("pause", "resume", "withdraw")
    ]
    assert {answer.status_code for _, answer in answers} == {404}
    for address, answer in answers:
        assert f"has no annotator &#39;{address}&#39;. Its quality page lists them." in answer.text
    assert decisions(db) == before


def test_a_reason_is_text_and_never_markup(researcher: Browser, db: Session, study: Study, name: str) -> None:
    path = f"/studies/{study.slug}/quality"
    if decisions(db):
        researcher.submit(f"{path}/{name}/resume")
    researcher.submit(f"{path}/{name}/pause", reason="<script>alert(1)</script>")
    page = researcher.get(path).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_rules_without_thresholds_and_caps_are_shown_in_words(researcher: Browser, db: Session) -> None:
    free = make_pool(db)
    capped = make_pool(db, max_share=0.2, withdrawal=Withdrawal.KEEP)
    db.commit()
    page = researcher.get(f"/studies/{free.slug}/quality").text
    assert "nobody: no threshold is set" in page
    assert "others judge in their place" in page
    page = researcher.get(f"/studies/{capped.slug}/quality").text
    assert "20.0\u00a0% of the study for each annotator" in page
    assert "answers go on counting" in page


def test_a_draft_says_how_many_annotators_it_needs(researcher: Browser, db: Session) -> None:
    # 2 systems x 2 scenarios x quota 3
    strict = make_pool(db, systems=2, scenarios=(128, 256), state=StudyState.DRAFT)
    lenient = make_pool(db, systems=2, scenarios=(128, 256), state=StudyState.DRAFT, max_exposures=2, max_share=0.05)
    db.commit()
    assert "<strong>12 annotators</strong>" in researcher.get(f"/studies/{strict.slug}").text
    page = researcher.get(f"/studies/{lenient.slug}").text
    # 4 passages x 12 judgements = 48, of which 5 % are 2: 24 people
    assert "<strong>24 annotators</strong>" in page
    assert "Meeting none twice would take 12." in page


def test_an_annotator_under_review_is_told_so_kindly(annotator: Browser, db: Session, study: Study) -> None:
    me = find_account(db, annotator.email)
    assert me is not None
    pause(db, study, me.id, by_id=None, reason="2 of 5 gold comparisons right, under 80%.")
    db.commit()
    page = annotator.get(f"/annotate?study={study.slug}").text
    assert 'data-standing="review"' in page
    assert "gold" not in page
