"""The study's page: bars, pace, cost, jobs and what wants an eye."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from app.annotation import verdicts
from app.annotation.claims import claim
from app.domain.progress import study_progress
from app.domain.reviews import pause
from app.models import Annotation, Study
from app.models.annotation import VerdictShown
from app.models.passage import PassageState
from app.models.study import StudyState
from app.models.system import GenerationState
from app.studies.alerts import alerts
from app.studies.pace import Hour, bars, pace
from tests.app.conftest import Browser
from tests.factories import make_dataset, make_passage, make_person, make_pool, make_study, make_system


def judge(session: Session, study: Study, count: int, *, ms: int = 36_000) -> int:
    """So many annotations by one person, each of 36 seconds."""
    annotator = make_person(session)
    for _ in range(count):
        held = claim(session, study, annotator.id)
        assert held.shown is not None
        verdicts.record_verdict(session, annotator.id, held.shown, verdicts.Answer(VerdictShown.FIRST, ms))
    session.execute(update(Annotation).where(Annotation.annotator_id == annotator.id).values(duration_ms=ms))
    return annotator.id


def test_the_pace_says_when_it_ends_and_what_it_costs(session: Session) -> None:
    study = make_pool(session, passages=40, quota=1)
    judge(session, study, 10)
    session.execute(update(Annotation).values(answered_at=func.now() - timedelta(hours=2)))
    told = pace(session, study, study_progress(session, study))
    assert sum(hour.annotations for hour in told.hours) == 10
    assert len(told.hours) == 24
    assert told.per_hour == pytest.approx(5, rel=0.01)  # 10 in 2 hours
    assert (told.total, told.left) == (40, 30)
    assert told.ends_at is not None
    assert told.ends_at - datetime.now(UTC) == pytest.approx(timedelta(hours=6), abs=timedelta(minutes=5))
    assert told.spent == pytest.approx(1.0)  # 10 x 36 s are 6 minutes, at 10 an hour
    assert told.expected_cost == pytest.approx(4.0)


def test_too_little_tells_no_pace(session: Session) -> None:
    study = make_pool(session, passages=4)
    judge(session, study, 2)
    told = pace(session, study, study_progress(session, study))
    assert (told.per_hour, told.ends_at, told.expected_cost) == (None, None, None)
    empty = make_study(session)
    assert pace(session, empty, study_progress(session, empty)).total == 0


def test_what_is_not_written_yet_is_counted_by_the_plan(session: Session) -> None:
    study = make_pool(session, passages=3, quota=2)
    make_system(session, study)
    told = pace(session, study, study_progress(session, study))
    # 3 passages x (2 scenarios of each system) x 2
    assert told.total == 3 * 4 * 2


def test_the_busiest_hour_fills_the_picture() -> None:
    hours = [Hour(datetime(2026, 1, 1, hour, tzinfo=UTC), count) for hour, count in enumerate([0, 5, 10])]
    assert [(bar.x, bar.y, bar.height) for bar in bars(hours)] == [(0, 60, 0), (10, 30, 30), (20, 0, 60)]
    assert bars([]) == []


def words(session: Session, study: Study) -> list[str]:
    return [alert.words for alert in alerts(session, study, study_progress(session, study))]


def test_what_wants_an_eye_is_said(session: Session) -> None:
    study = make_pool(session, passages=4)
    assert words(session, study) == []
    annotator = judge(session, study, 1)
    pause(session, study, annotator, by_id=None, reason="Gold.")
    make_system(session, study, name="slow", state=GenerationState.FAILED)
    make_passage(session, make_dataset(session, study), state=PassageState.PENDING)
    said = words(session, study)
    assert said[:3] == [
        "The writing of slow failed.",
        "Annotators who are paused and wait for a review: 1.",
        "Passages that wait for a verdict: 1.",
    ]
    assert "People who judged in the last three days: 1;" in said[3]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"stopping": "date", "stop_at": datetime(2026, 1, 1, tzinfo=UTC)}, "stops at 2026-01-01 00:00 UTC; a worker"),
        ({"stopping": "annotations", "stop_after": 1}, "stops after 1 annotations; a worker closes it."),
        ({}, "stops when every comparison has its annotations; close it when nothing is to be added."),
    ],
)
def test_a_stopping_rule_that_is_reached_is_said(session: Session, rule: dict[str, object], says: str) -> None:
    study = make_pool(session, passages=4, quota=1, **rule)
    judge(session, study, 4)
    said = [line for line in words(session, study) if "stopping rule" in line]
    assert len(said) == 1
    assert says in said[0]
    study.state = StudyState.PAUSED
    assert not any("stopping rule" in line for line in words(session, study))


def test_the_page_shows_bars_that_lead_to_the_texts_and_jobs(researcher: Browser, db: Session) -> None:
    study = make_pool(db, passages=2, slug="poems", scenarios=(128, 256))
    make_system(db, study, name="late & slow", generated_tokens=5000, generation_seconds=10.0)
    db.commit()
    researcher.submit("/studies/poems/generation/retry", system="late & slow")
    page = researcher.get("/studies/poems").text
    assert "0 of 6</span>" in page
    assert "/studies/poems/passages?dataset=" in page
    assert "generate</td>" in page
    assert ">waiting</span>" in page
    assert 'data-label="Speed"></td>' in page  # how fast an earlier job was says nothing of one that waits
    db.execute(text("SET LOCAL search_path TO procrastinate"))
    db.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    db.commit()
    page = researcher.get("/studies/poems").text
    assert ">running</span>" in page
    assert 'data-label="Speed">500 tokens/s' in page
    part = researcher.get("/studies/poems", headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert 'id="picture"' in part
    boosted = researcher.get("/studies/poems", headers={"HX-Request": "true", "HX-Boosted": "true"}).text
    assert "<html" in boosted
    db.execute(update(Study).values(state=StudyState.CLOSED))
    db.commit()
    name = db.scalars(select(Study)).one().slug
    assert f"/studies/{name}/texts?system=" in researcher.get("/studies/poems").text
