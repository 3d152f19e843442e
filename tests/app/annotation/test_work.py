"""What annotators see of their own work: counts, paid time and pay on /me, and their answers with nothing but texts."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.annotation.answers import PAGE, own_answers
from app.annotation.claims import claim
from app.annotation.steps import note_reading
from app.annotation.verdicts import Answer, record_verdict, revise_verdict, skip
from app.domain.paid_time import work_of
from app.models import Annotation, Assignment, Person, Study
from app.models.annotation import AnnotationStatus, SkipReason, VerdictShown
from tests.app.annotation.asking import make_asking_study
from tests.app.conftest import Browser
from tests.factories import make_person, make_pool

HOUR_AGO = text("now() - interval '1 hour'")


def claims_of(session: Session, study: Study, annotator: Person) -> UUID:
    """What is shown, claimed an hour ago, so that no duration is longer than the claim."""
    shown = claim(session, study, annotator.id).shown
    session.execute(update(Assignment).values(claimed_at=HOUR_AGO))
    assert shown is not None
    return shown


def judge(session: Session, study: Study, annotator: Person, *, seconds: float) -> UUID:
    shown = claims_of(session, study, annotator)
    record_verdict(session, annotator.id, shown, Answer(VerdictShown.FIRST, int(1000 * seconds)))
    return shown


def test_pay_is_the_time_of_each_judgement_up_to_the_pause_limit(session: Session) -> None:
    study = make_pool(session, passages=20, pause_seconds=300, hourly_rate=12)
    annotator = make_person(session)
    judge(session, study, annotator, seconds=30)
    judge(session, study, annotator, seconds=3000)
    (work,) = work_of(session, annotator.id)
    # 30 s + 300 s at 12 an hour
    assert work.paid_time == timedelta(seconds=330)
    assert work.pay == pytest.approx(1.10)
    assert (work.judged, work.judged_today) == (2, 2)


def test_skips_revisions_practice_gold_and_reading_are_paid_too(session: Session) -> None:
    study = make_asking_study(session, guidelines=True, passages=20, pause_seconds=300)
    annotator = make_person(session)
    note_reading(session, study, annotator.id, version=2, took=timedelta(seconds=40))
    judged = judge(session, study, annotator, seconds=10)
    revise_verdict(session, annotator.id, judged, Answer(VerdictShown.SECOND, 5000))
    for status in (AnnotationStatus.GOLD, AnnotationStatus.TRAINING):
        judge(session, study, annotator, seconds=20)
        newest = session.scalars(select(Annotation.id).order_by(Annotation.id.desc()).limit(1)).one()
        session.execute(update(Annotation).where(Annotation.id == newest).values(status=status, slot=None))
    skipped = claims_of(session, study, annotator)
    session.execute(
        update(Assignment).where(Assignment.claim == skipped).values(shown_at=text("now() - interval '7 seconds'"))
    )
    skip(session, annotator.id, skipped, SkipReason.BROKEN)
    (work,) = work_of(session, annotator.id)
    # 40 read + 10 judged + 5 revised + 20 gold + 20 practice + 7 skipped
    assert work.paid_time == timedelta(seconds=102)
    # the revised one once, and gold like any other; practice and skips are not judged
    assert (work.judged, work.skipped) == (2, 1)


def test_a_period_counts_what_ended_in_it(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    judge(session, study, annotator, seconds=30)
    now = datetime.now(UTC)
    assert work_of(session, annotator.id, since=now + timedelta(hours=1)) == []
    assert work_of(session, annotator.id, until=now - timedelta(hours=1)) == []
    assert len(work_of(session, annotator.id, since=now - timedelta(hours=1), until=now + timedelta(hours=1))) == 1


def test_yesterday_is_not_today(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    judge(session, study, annotator, seconds=30)
    session.execute(update(Annotation).values(answered_at=text("now() - interval '1 day'")))
    (work,) = work_of(session, annotator.id)
    assert (work.judged, work.judged_today, work.paid_time_today) == (1, 0, timedelta(0))


def test_a_fast_answer_is_flagged_and_kept(session: Session) -> None:
    study, annotator = make_pool(session, passages=20, min_reading_ms=5000), make_person(session)
    judge(session, study, annotator, seconds=2)
    judge(session, study, annotator, seconds=8)
    answers = own_answers(session, study, annotator.id, page=1).answers
    assert sorted(answer.is_fast for answer in answers) == [False, True]
    assert {row.status for row in session.scalars(select(Annotation))} == {AnnotationStatus.COUNTED}


def test_answers_come_in_pages(session: Session) -> None:
    study, annotator = make_pool(session, passages=PAGE + 3), make_person(session)
    for _ in range(PAGE + 1):
        judge(session, study, annotator, seconds=1)
    first, second = (own_answers(session, study, annotator.id, page=page) for page in (1, 2))
    assert (len(first.answers), first.has_more) == (PAGE, True)
    assert (len(second.answers), second.has_more) == (1, False)


def test_somebody_else_s_answers_are_not_shown(session: Session) -> None:
    study, annotator, other = make_pool(session, passages=20), make_person(session), make_person(session)
    judge(session, study, annotator, seconds=1)
    assert own_answers(session, study, other.id, page=1).answers == []


def test_the_pages_show_work_pay_and_texts(annotator: Browser, db: Session) -> None:
    study = make_pool(db, passages=30, min_reading_ms=5000)
    db.commit()
    assert "Nothing yet" in annotator.get("/me").text
    assert "No answers yet" in annotator.get(f"/me/answers?study={study.slug}").text
    person = db.scalars(select(Person).where(Person.email == annotator.email)).one()
    for nth in range(PAGE + 1):
        judge(db, study, person, seconds=8 if nth else 2)
    db.commit()
    me = annotator.get("/me").text
    # 2 s + 20 x 8 s at 10 an hour
    assert "2 min" in me
    assert "0.45 USD" in me
    first, second = (annotator.get(f"/me/answers?page={page}").text for page in (1, 2))
    assert ("Older" in first, "Newer" in first) == (True, False)
    assert ("Older" in second, "Newer" in second) == (False, True)
    assert ["faster than it can be read" in page for page in (first, second)] == [False, True]
    assert "and original" in first


def test_researchers_have_an_account_without_pay(researcher: Browser) -> None:
    assert "Your work" not in researcher.get("/me").text
