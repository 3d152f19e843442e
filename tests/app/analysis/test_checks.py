"""Checks on the study itself: each holds, fails, or has nothing to look at."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.analysis.checks import Check, shortcomings, study_checks
from app.domain.protocol import lock_protocol
from app.domain.taking_part import change_guidelines
from app.models import Annotation, Comparison, Study
from app.models.annotation import VerdictShown
from app.models.protocol import Stopping
from app.models.study import Release, StudyState
from tests.factories import (
    make_continuation,
    make_dataset,
    make_passage,
    make_pool,
    make_study,
    make_system,
)
from tests.judging import judge

# later than any run of this test, so that an open study has not reached it
CLOSED = datetime(2126, 12, 1, 18, tzinfo=UTC)


def check(session: Session, study: Study, name: str) -> Check:
    session.flush()
    (found,) = [one for one in study_checks(session, study) if one.name == name]
    return found


def test_a_full_closed_study_passes_what_can_be_checked(session: Session) -> None:
    study = make_pool(session, passages=4, scenarios=(128, 256), quota=1)
    lock_protocol(session, study)
    judge(session, study, people=2)
    study.state, study.closed_at = StudyState.CLOSED, CLOSED
    session.flush()
    checks = study_checks(session, study)
    assert [one.name for one in checks if one.passed is None] == ["Gold"]
    assert shortcomings(checks) == ()


def test_a_study_that_opened_without_a_lock_is_no_failure(session: Session) -> None:
    assert check(session, make_study(session), "Protocol").passed is None


def test_a_departure_from_the_protocol_is_named(session: Session) -> None:
    study = make_pool(session)
    lock_protocol(session, study)
    assert check(session, study, "Protocol").passed is True
    change_guidelines(session, study, "Read twice.")
    found = check(session, study, "Protocol")
    assert found.passed is False
    assert found.found.endswith("departs from its locked protocol in guidelines_sha256, guidelines_version")


def test_what_is_not_written_or_released_is_counted(session: Session) -> None:
    study = make_study(session)
    system = make_system(session, study)
    dataset = make_dataset(session, study)
    passages = [make_passage(session, dataset) for _ in range(3)]
    make_continuation(session, system, passages[0])
    make_passage(session, dataset, unjudged=True)
    assert check(session, study, "Release").found == "2 continuations are not written"
    session.add(
        Comparison(
            study_id=study.id,
            passage_id=passages[0].id,
            scenario=256,
            quota=3,
            candidate_text="a",
            reference_text="b",
            texts_hash="0" * 64,
        )
    )
    found = check(session, study, "Release")
    assert found.passed is False
    assert found.found == "2 continuations are not written and 1 comparisons are not released"
    study.release = Release.AS_READY
    assert check(session, study, "Release").found.endswith("so that systems and time are confounded")


def test_unfilled_comparisons_fail_only_where_the_quota_stops_the_study(session: Session) -> None:
    study = make_pool(session, passages=4, quota=2)
    judge(session, study)
    found = check(session, study, "Quota")
    assert (found.passed, found.found) == (False, "4 of 4 comparisons lack annotations")
    study.stopping, study.stop_after = Stopping.ANNOTATIONS, 4
    assert check(session, study, "Quota").passed is None
    assert check(session, study, "Stopping rule").passed is True
    study.stop_after = 5
    found = check(session, study, "Stopping rule")
    words = "the stopping rule is not reached: the protocol stops after 5 annotations, and 4 count"
    assert (found.passed, found.found) == (None, words)
    study.state, study.closed_at = StudyState.CLOSED, CLOSED
    assert check(session, study, "Stopping rule").passed is False


def test_a_quota_that_is_full_reaches_the_stopping_rule_and_one_that_is_not_fails_once(session: Session) -> None:
    study = make_pool(session, passages=4, quota=1)
    found = check(session, study, "Stopping rule")
    words = "the stopping rule is not reached: the protocol stops when every comparison has its annotations"
    assert (found.passed, found.found) == (None, words)
    judge(session, study)
    found = check(session, study, "Stopping rule")
    assert (found.passed, found.found) == (True, words.replace("not ", ""))


def test_a_study_without_comparisons_has_no_full_quota(session: Session) -> None:
    study = make_study(session)
    assert check(session, study, "Quota").passed is False
    assert check(session, study, "Balance of the systems").passed is None
    assert check(session, study, "Balance of the order").passed is None


@pytest.mark.parametrize(("hours", "passed"), [(-1, True), (0, True), (1, False)])
def test_a_study_that_stops_at_a_date_closes_no_earlier(session: Session, hours: int, passed: bool) -> None:
    study = make_study(session, stopping=Stopping.DATE, stop_at=CLOSED + timedelta(hours=hours))
    assert check(session, study, "Stopping rule").passed is None
    study.state, study.closed_at = StudyState.CLOSED, CLOSED
    found = check(session, study, "Stopping rule")
    assert found.passed is passed
    assert found.found.endswith(f"reached: the protocol stops at 2126-12-01 {18 + hours}:00 UTC")


def test_systems_on_different_passages_are_not_balanced(session: Session) -> None:
    study = make_pool(session, passages=3, systems=2, scenarios=(128, 256))
    assert check(session, study, "Balance of the systems").passed is True
    make_system(session, study)
    found = check(session, study, "Balance of the systems")
    assert (found.passed, found.found) == (False, "systems are judged on 0 to 3 passages")


# 40 annotations: a fair coin has a standard error of 0.079, and 3.29 of those are 0.26
@pytest.mark.parametrize(("candidate_first", "passed"), [(20, True), (30, True), (31, False), (0, False)])
def test_one_order_too_often_is_no_coin(session: Session, candidate_first: int, passed: bool) -> None:
    study = make_pool(session, passages=40, quota=1)
    judge(session, study)
    for number, annotation in enumerate(session.query(Annotation).filter_by(study_id=study.id)):
        annotation.candidate_first = number < candidate_first
        annotation.verdict_shown = VerdictShown.EQUAL
        annotation.verdict = "equal"
    assert check(session, study, "Balance of the order").passed is passed


@pytest.mark.parametrize(
    ("right", "threshold", "passed"), [(8, None, True), (7, None, False), (7, 0.7, True), (6, 0.7, False)]
)
def test_gold_is_held_against_the_study_s_threshold_or_the_usual_one(
    session: Session, right: int, threshold: float | None, passed: bool
) -> None:
    study = make_pool(session, passages=10, quota=1, min_gold_accuracy=threshold)
    judge(session, study)
    for number, annotation in enumerate(session.query(Annotation).filter_by(study_id=study.id)):
        annotation.status, annotation.slot = "gold", None
        annotation.verdict = "reference" if number < right else "candidate"
        annotation.verdict_shown = (
            VerdictShown.FIRST
            if (annotation.verdict == "candidate") == annotation.candidate_first
            else VerdictShown.SECOND
        )
    found = check(session, study, "Gold")
    assert found.passed is passed
    assert found.found.startswith(f"{10 * right} % of 10 gold judgements are right")


def test_an_open_study_is_not_closed(session: Session) -> None:
    checks = study_checks(session, make_pool(session))
    assert "the study is open" in shortcomings(checks)
