"""What a study asks for before the first comparison: in order, once, and again when it changes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from httpx2 import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotation.steps import Step, asked_steps, give_consent, has_read_before, missing_step, note_reading
from app.domain.english import EnglishStatement, english_of, record_english
from app.domain.taking_part import change_consent, change_guidelines
from app.domain.training import QualificationPlan
from app.errors import ConflictError, ToprankError
from app.models import Annotation, Consent, GuidelinesReading, Study
from app.models.person import Role
from app.models.taking_part import EnglishMethod
from tests.app.annotation.asking import PARTS, make_asking_study
from tests.app.conftest import Browser
from tests.factories import make_person, make_pool
from tests.serving import CLAIM

STATED = EnglishStatement("Danish", EnglishMethod.TEST, "IELTS, band 8", date(2026, 3, 1))
ENGLISH = {
    "first_language": "Danish",
    "method": "platform",
    "verified_by": "the platform",
    "verified_on": "2026-03-01",
}


def test_a_study_that_asks_for_nothing_shows_its_first_comparison_at_once(annotator: Browser, db: Session) -> None:
    make_pool(db)
    db.commit()
    assert CLAIM.search(annotator.get("/annotate").text)


def test_everything_is_asked_in_order_and_then_never_again(annotator: Browser, db: Session) -> None:
    study = make_asking_study(db, consent=True, english=True, guidelines=True)
    db.commit()
    steps = {
        "consent": {"version": study.consent_version},
        "english": ENGLISH,
        "guidelines": {"version": study.guidelines_version, "opened": int(datetime.now(UTC).timestamp())},
    }
    for step, fields in steps.items():
        sent = annotator.get("/annotate")
        assert (sent.status_code, sent.headers["location"]) == (303, f"/annotate/{step}?study={study.slug}")
        page = annotator.get(sent.headers["location"])
        assert page.status_code == 200
        assert 'aria-current="step"' in page.text
        done = annotator.submit(sent.headers["location"], **fields)
        assert (done.status_code, done.headers["location"]) == (303, f"/annotate?study={study.slug}")
    assert CLAIM.search(annotator.get("/annotate").text)


def test_the_consent_page_says_all_that_has_to_be_said(annotator: Browser, db: Session) -> None:
    study = make_asking_study(db, consent=True)
    db.commit()
    page = annotator.get(f"/annotate/consent?study={study.slug}").text
    for words in (
        PARTS.purpose,
        PARTS.content_warning,
        PARTS.contact,
        PARTS.review_board,
        "pseudonym",
        "10.00 USD",
        "stop",
    ):
        assert words in page


def test_agreeing_stores_version_and_time_once(session: Session) -> None:
    study, annotator = make_asking_study(session, consent=True), make_person(session)
    give_consent(session, study, annotator.id, version=1)
    give_consent(session, study, annotator.id, version=1)
    (consent,) = session.scalars(select(Consent))
    assert (consent.version, consent.given_at is not None) == (1, True)


def test_a_changed_consent_form_is_asked_for_again(session: Session) -> None:
    study, annotator = make_asking_study(session, consent=True), make_person(session)
    give_consent(session, study, annotator.id, version=1)
    assert missing_step(session, study, annotator.id) is None
    change_consent(session, study, PARTS)
    assert missing_step(session, study, annotator.id) == Step.CONSENT
    with pytest.raises(ConflictError, match="changed while you read it"):
        give_consent(session, study, annotator.id, version=1)


def test_changed_guidelines_are_shown_again_and_each_answer_names_those_it_was_given_under(
    annotator: Browser, db: Session
) -> None:
    study = make_asking_study(db, guidelines=True, passages=20)
    db.commit()
    read(annotator, study)
    assert judge(annotator, claim_on(annotator)).status_code == 303
    second = claim_on(annotator)
    change_guidelines(db, study, "Read twice.")
    db.commit()
    told = judge(annotator, second, headers={"HX-Request": "true"})
    assert (told.status_code, told.headers["hx-redirect"]) == (204, f"/annotate/guidelines?study={study.slug}")
    assert "have changed" in annotator.get(told.headers["hx-redirect"]).text
    read(annotator, study)
    judge(annotator, claim_on(annotator))
    versions = db.scalars(select(Annotation.guidelines_version).order_by(Annotation.id)).all()
    # the second was still judged by the old ones
    assert versions == [2, 2, 3]


def read(browser: Browser, study: Study) -> None:
    fields = {"version": study.guidelines_version, "opened": int(datetime.now(UTC).timestamp()) - 12}
    assert browser.submit(f"/annotate/guidelines?study={study.slug}", **fields).status_code == 303


def claim_on(browser: Browser) -> str:
    found = CLAIM.search(browser.get("/annotate").text)
    assert found
    return found[1]


def judge(browser: Browser, claim: str, *, headers: dict[str, str] | None = None) -> Response:
    return browser.submit("/annotate", claim=claim, verdict="first", headers=headers)


def test_reading_time_counts_up_to_the_pause_limit(session: Session) -> None:
    study = make_asking_study(session, guidelines=True, pause_seconds=60)
    quick, slow, ahead = make_person(session), make_person(session), make_person(session)
    for annotator, took in ((quick, 12), (slow, 7200), (ahead, -5)):
        note_reading(session, study, annotator.id, version=2, took=timedelta(seconds=took))
    durations = session.scalars(select(GuidelinesReading.duration_ms).order_by(GuidelinesReading.id)).all()
    assert durations == [12_000, 60_000, 0]
    assert has_read_before(session, study, quick.id)


def test_guidelines_that_changed_meanwhile_were_not_read(session: Session) -> None:
    study, annotator = make_asking_study(session, guidelines=True), make_person(session)
    with pytest.raises(ConflictError):
        note_reading(session, study, annotator.id, version=1, took=timedelta(0))


def test_guidelines_can_be_read_again_at_any_time(annotator: Browser, db: Session) -> None:
    study = make_asking_study(db, guidelines=True)
    db.commit()
    read(annotator, study)
    page = annotator.get(f"/annotate/guidelines?study={study.slug}").text
    assert "<h2>How to judge</h2>" in page
    assert "I have read them" not in page


def test_english_is_known_in_every_study_and_the_newest_statement_holds(session: Session) -> None:
    study, annotator, admin = make_asking_study(session, english=True), make_person(session), make_person(session)
    assert missing_step(session, study, annotator.id) == Step.ENGLISH
    record_english(session, annotator.id, STATED, recorded_by=annotator.id)
    assert missing_step(session, study, annotator.id) is None
    record_english(
        session,
        annotator.id,
        EnglishStatement("Danish", EnglishMethod.INTERVIEW, "Ada", date(2026, 4, 1)),
        recorded_by=admin.id,
    )
    known = english_of(session, annotator.id)
    assert known is not None
    assert (known.method, known.recorded_by_id) == (EnglishMethod.INTERVIEW, admin.id)


@pytest.mark.parametrize(
    "statement",
    [
        EnglishStatement(" ", EnglishMethod.TEST, "IELTS", date(2026, 3, 1)),
        EnglishStatement("Danish", EnglishMethod.TEST, "\t", date(2026, 3, 1)),
        EnglishStatement("Danish", EnglishMethod.TEST, "IELTS", date(2999, 3, 1)),
    ],
)
def test_an_empty_or_future_statement_is_refused(session: Session, statement: EnglishStatement) -> None:
    annotator = make_person(session)
    with pytest.raises(ToprankError, match="nothing was saved"):
        record_english(session, annotator.id, statement, recorded_by=annotator.id)


@pytest.mark.parametrize("step", ["consent", "english", "guidelines", "qualification"])
def test_without_a_study_every_step_leads_back(annotator: Browser, step: str) -> None:
    assert annotator.get(f"/annotate/{step}").headers["location"] == "/annotate"


def test_a_study_without_consent_or_qualification_has_no_such_pages(annotator: Browser, db: Session) -> None:
    study = make_pool(db)
    db.commit()
    for step in ("consent", "qualification"):
        assert annotator.get(f"/annotate/{step}?study={study.slug}").headers["location"] == "/annotate"
    assert asked_steps(study) == []


def test_all_steps_are_listed_in_order(session: Session) -> None:
    plan = QualificationPlan(comparisons=2, pass_mark=2)
    study = make_asking_study(session, consent=True, english=True, guidelines=True, qualification=plan)
    assert asked_steps(study) == list(Step)


def test_a_researcher_gets_none_of_it(browser: Callable[[Role], Browser]) -> None:
    assert browser(Role.RESEARCHER).get("/annotate/consent").status_code == 403
