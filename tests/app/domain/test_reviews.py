"""Thresholds pause, people resume, and every decision is kept with its reason."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.page import Standing as PageStanding
from app.annotation.page import standing
from app.annotation.verdicts import Answer, record_verdict
from app.domain.reviews import Standing, is_out, pause, pause_if_below, resume, shortfalls
from app.errors import ConflictError
from app.models import Annotation, Review, Study
from app.models.annotation import VerdictShown
from app.models.review import Decision
from tests.factories import make_gold, make_person, make_pool

FINE = Standing(gold=10, gold_right=10, repeats=10, repeats_same=10, readings=20, median_reading_ms=9_000.0)


def decisions(session: Session) -> list[Review]:
    return list(session.scalars(select(Review).order_by(Review.id)))


def judge(session: Session, study: Study, annotator_id: int, *, times: int, duration_ms: int = 60_000) -> None:
    """Always the first text, each after its time on the page."""
    for _ in range(times):
        held = claim(session, study, annotator_id)
        assert held.shown is not None
        # claimed in this very transaction, whose clock stands still: let it have been claimed a while ago
        session.connection().exec_driver_sql("UPDATE assignment SET claimed_at = claimed_at - interval '10 minutes'")
        record_verdict(session, annotator_id, held.shown, Answer(VerdictShown.FIRST, duration_ms))
        session.execute(update(Annotation).values(answered_at=Annotation.answered_at - timedelta(seconds=1)))


@pytest.mark.parametrize(
    ("thresholds", "changed", "missed"),
    [
        ({}, {"gold_right": 0, "repeats_same": 0, "median_reading_ms": 1.0}, []),
        ({"min_gold_accuracy": 0.8}, {}, []),
        ({"min_gold_accuracy": 0.8}, {"gold_right": 8}, []),
        ({"min_gold_accuracy": 0.8}, {"gold_right": 7}, ["7 of 10 gold comparisons right, under 80%."]),
        ({"min_gold_accuracy": 0.8}, {"gold": 4, "gold_right": 0}, []),
        ({"min_self_consistency": 0.5}, {"repeats_same": 4}, ["4 of 10 repeats judged as before, under 50%."]),
        ({"min_self_consistency": 0.5}, {"repeats": 4, "repeats_same": 0}, []),
        (
            {"min_reading_ms": 9_500},
            {},
            ["Median reading time 9.0 s in the last 20, under 9.5 s."],
        ),
        ({"min_reading_ms": 9_000}, {}, []),
        ({"min_reading_ms": 9_500}, {"readings": 19}, []),
        ({"min_reading_ms": 9_500}, {"readings": 0, "median_reading_ms": None}, []),
    ],
)
def test_a_threshold_is_missed_only_by_enough_answers(
    thresholds: dict[str, float], changed: dict[str, float], missed: list[str]
) -> None:
    standing = Standing(**(FINE.__dict__ | changed))
    assert shortfalls(Study(**thresholds), standing) == missed


def test_wrong_gold_pauses_for_review_and_says_why(session: Session) -> None:
    study = make_pool(session, passages=60, gold_share=0.5, min_gold_accuracy=0.9)
    for _ in range(40):
        make_gold(session, study)
    annotator = make_person(session)
    while not is_out(session, study, annotator.id):
        judge(session, study, annotator.id, times=1)
    # always the first text: right half of the time, and the fifth gold is the first that tells
    (decision,) = decisions(session)
    assert decision.decision == Decision.PAUSED
    assert decision.by_id is None
    assert decision.reason in {f"{right} of 5 gold comparisons right, under 90%." for right in (2, 3)}
    assert claim(session, study, annotator.id).shown is None
    assert standing(session, study, annotator.id) == PageStanding.REVIEW


def test_what_is_being_read_may_be_answered_after_a_pause(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    shown = claim(session, study, annotator.id).shown
    assert shown is not None
    pause(session, study, annotator.id, by_id=None, reason="A look.")
    assert claim(session, study, annotator.id) == type(claim(session, study, annotator.id))(shown, None)
    assert record_verdict(session, annotator.id, shown, Answer(VerdictShown.FIRST)).status == "counted"
    assert claim(session, study, annotator.id).shown is None


def test_inconsistent_repeats_pause(session: Session) -> None:
    study = make_pool(session, passages=80, repeat_share=0.5, exposure_gap=0, min_self_consistency=0.5)
    annotator = make_person(session)
    # always the first text, whose sides are exchanged in the repeat: never the same verdict
    while not is_out(session, study, annotator.id):
        judge(session, study, annotator.id, times=1)
    assert decisions(session)[0].reason == "0 of 5 repeats judged as before, under 50%."


def test_consistent_repeats_do_not_pause(session: Session) -> None:
    study = make_pool(session, passages=30, repeat_share=0.5, exposure_gap=0, min_self_consistency=1.0)
    annotator = make_person(session)
    while (shown := claim(session, study, annotator.id).shown) is not None:
        record_verdict(session, annotator.id, shown, Answer(VerdictShown.EQUAL))
    assert session.scalar(select(func.count()).where(Annotation.status == "repeat")) > 5
    assert decisions(session) == []


def test_hasty_reading_pauses_once_twenty_answers_show_it(session: Session) -> None:
    study, annotator = make_pool(session, passages=60, min_reading_ms=3_000), make_person(session)
    judge(session, study, annotator.id, times=19, duration_ms=500)
    assert not is_out(session, study, annotator.id)
    judge(session, study, annotator.id, times=1, duration_ms=500)
    assert decisions(session)[0].reason == "Median reading time 0.5 s in the last 20, under 3.0 s."


def test_whoever_starts_to_hurry_is_noticed_by_the_latest_answers(session: Session) -> None:
    study, annotator = make_pool(session, passages=80, min_reading_ms=3_000), make_person(session)
    judge(session, study, annotator.id, times=30, duration_ms=60_000)
    judge(session, study, annotator.id, times=10, duration_ms=500)
    assert not is_out(session, study, annotator.id)
    judge(session, study, annotator.id, times=1, duration_ms=500)
    # 11 of the last 20 are hasty, so the median is
    assert is_out(session, study, annotator.id)


def test_whoever_is_resumed_starts_afresh(session: Session) -> None:
    study, annotator, researcher = (
        make_pool(session, passages=60, min_reading_ms=3_000),
        make_person(session),
        make_person(session),
    )
    judge(session, study, annotator.id, times=20, duration_ms=500)
    resume(session, study, annotator.id, by_id=researcher.id, reason="Reads fast indeed.")
    assert claim(session, study, annotator.id).shown is not None
    assert pause_if_below(session, study, annotator.id) is None
    assert [(one.decision, one.by_id) for one in decisions(session)] == [("paused", None), ("resumed", researcher.id)]


def test_a_pause_in_one_study_leaves_the_others_open(session: Session) -> None:
    study, other, annotator = make_pool(session), make_pool(session), make_person(session)
    pause(session, study, annotator.id, by_id=None, reason="A look.")
    assert claim(session, study, annotator.id).shown is None
    assert claim(session, other, annotator.id).shown is not None


def test_nobody_is_paused_twice_or_resumed_without_a_pause(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    with pytest.raises(ConflictError, match="not paused"):
        resume(session, study, annotator.id, by_id=None)
    pause(session, study, annotator.id, by_id=None, reason="A look.")
    with pytest.raises(ConflictError, match="already"):
        pause(session, study, annotator.id, by_id=None, reason="Another.")
    assert pause_if_below(session, study, annotator.id) is None
    assert len(decisions(session)) == 1
