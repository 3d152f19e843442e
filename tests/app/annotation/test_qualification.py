"""The qualification: training comparisons, explained after each answer, with a pass mark and a retry rule."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.qualification import Qualifying, ask_next, close_attempt, qualifying
from app.annotation.steps import Step, missing_step
from app.annotation.verdicts import Answer, record_verdict, revise_verdict, skip
from app.domain.training import QualificationPlan, set_qualification
from app.errors import ConflictError, ToprankError
from app.models import Annotation, Assignment, Comparison, Passage, Study, TrainingComparison
from app.models.annotation import AnnotationStatus, AssignmentState, SkipReason, VerdictShown
from app.models.comparison import Kind
from app.models.passage import PassageState
from app.models.study import StudyState
from tests.app.annotation.asking import make_asking_study, make_training_passages
from tests.app.conftest import Browser
from tests.factories import make_person, make_pool
from tests.serving import CLAIM

PLAN = QualificationPlan(comparisons=4, pass_mark=3, attempts=2, retry_minutes=0)


def right_choice(session: Session, standing: Qualifying) -> VerdictShown:
    """What somebody who reads would choose."""
    assert standing.asked is not None
    query = select(TrainingComparison, Assignment).join(
        Assignment, Assignment.comparison_id == TrainingComparison.comparison_id
    )
    training, assignment = session.execute(query.where(Assignment.claim == standing.asked.claim)).one()
    if training.right_verdict == "equal":
        return VerdictShown.EQUAL
    return VerdictShown.SECOND if assignment.candidate_first else VerdictShown.FIRST


def wrong_choice(session: Session, standing: Qualifying) -> VerdictShown:
    right = right_choice(session, standing)
    return next(verdict for verdict in VerdictShown if verdict != right)


def answer(session: Session, study: Study, annotator_id: int, *, right: bool) -> Qualifying:
    ask_next(session, study, annotator_id)
    standing = qualifying(session, study, annotator_id)
    chosen = right_choice(session, standing) if right else wrong_choice(session, standing)
    assert standing.asked is not None
    record_verdict(session, annotator_id, standing.asked.claim, Answer(chosen))
    close_attempt(session, study, annotator_id)
    return qualifying(session, study, annotator_id)


def test_who_reads_passes_and_may_judge(session: Session) -> None:
    study, annotator = make_asking_study(session, qualification=PLAN), make_person(session)
    assert missing_step(session, study, annotator.id) == Step.QUALIFICATION
    standings = [answer(session, study, annotator.id, right=nth != 1) for nth in range(4)]
    assert [standing.explained.is_right for standing in standings if standing.explained] == [True, False, True, True]
    attempt = standings[-1].attempt
    assert attempt is not None
    assert (attempt.correct, attempt.passed) == (3, True)
    assert missing_step(session, study, annotator.id) is None
    statuses = session.scalars(select(Annotation.status)).all()
    assert statuses == [AnnotationStatus.TRAINING] * 4


def test_the_explanation_says_what_was_right(session: Session) -> None:
    study, annotator = make_asking_study(session, qualification=PLAN), make_person(session)
    ask_next(session, study, annotator.id)
    right = right_choice(session, qualifying(session, study, annotator.id))
    explained = answer(session, study, annotator.id, right=False).explained
    assert explained is not None
    assert (explained.right_shown, explained.is_right) == (right, False)


def test_who_fails_tries_again_until_no_attempt_is_left(session: Session) -> None:
    study, annotator = make_asking_study(session, qualification=PLAN), make_person(session)
    for attempts_left in (1, 0):
        for nth in range(4):
            standing = answer(session, study, annotator.id, right=nth < 2)
        assert (standing.attempts_left, standing.may_go_on) == (attempts_left, attempts_left > 0)
    with pytest.raises(ConflictError, match="used every attempt"):
        ask_next(session, study, annotator.id)
    assert missing_step(session, study, annotator.id) == Step.QUALIFICATION


def test_the_next_attempt_waits_as_long_as_the_study_says(session: Session) -> None:
    plan = QualificationPlan(comparisons=2, pass_mark=2, attempts=3, retry_minutes=60)
    study, annotator = make_asking_study(session, qualification=plan), make_person(session)
    for _ in range(2):
        standing = answer(session, study, annotator.id, right=False)
    assert standing.next_attempt_at is not None
    with pytest.raises(ConflictError, match="The next attempt is possible from"):
        ask_next(session, study, annotator.id)
    session.execute(text("UPDATE qualification SET ended_at = ended_at - interval '61 minutes'"))
    session.expire_all()
    ask_next(session, study, annotator.id)
    assert qualifying(session, study, annotator.id).asked is not None


def test_asking_twice_shows_the_same(session: Session) -> None:
    study, annotator = make_asking_study(session, qualification=PLAN), make_person(session)
    ask_next(session, study, annotator.id)
    once = qualifying(session, study, annotator.id)
    ask_next(session, study, annotator.id)
    assert qualifying(session, study, annotator.id) == once


def test_what_expired_is_shown_again(session: Session) -> None:
    study, annotator = make_asking_study(session, qualification=PLAN), make_person(session)
    ask_next(session, study, annotator.id)
    before = qualifying(session, study, annotator.id)
    session.execute(text("UPDATE assignment SET state = 'expired'"))
    assert qualifying(session, study, annotator.id).asked is None
    ask_next(session, study, annotator.id)
    assert qualifying(session, study, annotator.id).asked == before.asked


def test_only_what_was_said_first_counts(session: Session) -> None:
    study, annotator = make_asking_study(session, qualification=PLAN), make_person(session)
    for nth in range(4):
        ask_next(session, study, annotator.id)
        standing = qualifying(session, study, annotator.id)
        assert standing.asked is not None
        right, wrong = right_choice(session, standing), wrong_choice(session, standing)
        record_verdict(session, annotator.id, standing.asked.claim, Answer(wrong))
        if nth < 3:
            revise_verdict(session, annotator.id, standing.asked.claim, Answer(right))
    close_attempt(session, study, annotator.id)
    attempt = qualifying(session, study, annotator.id).attempt
    assert attempt is not None
    assert attempt.correct == 0


def test_a_skipped_training_comparison_is_not_right(session: Session) -> None:
    plan = QualificationPlan(comparisons=1, pass_mark=1)
    study = make_asking_study(session, passages=2)
    study.state = StudyState.DRAFT
    make_training_passages(session, study, 2)
    set_qualification(session, study, QualificationPlan(comparisons=2, pass_mark=plan.pass_mark))
    annotator = make_person(session)
    for _ in range(2):
        ask_next(session, study, annotator.id)
        asked = qualifying(session, study, annotator.id).asked
        assert asked is not None
        skip(session, annotator.id, asked.claim, SkipReason.OTHER)
    close_attempt(session, study, annotator.id)
    standing = qualifying(session, study, annotator.id)
    assert standing.attempt is not None
    assert (standing.attempt.correct, standing.attempt.passed) == (0, False)


def test_what_was_held_of_the_study_goes_back_to_the_others(session: Session) -> None:
    study, annotator = make_asking_study(session, qualification=PLAN, passages=20), make_person(session)
    claim(session, study, annotator.id)
    ask_next(session, study, annotator.id)
    states = session.execute(select(Assignment.kind, Assignment.state).order_by(Assignment.id)).all()
    assert states[-1] == (Kind.TRAINING, AssignmentState.SHOWN)
    assert {state for kind, state in states[:-1]} == {AssignmentState.EXPIRED}
    assert session.scalars(select(Comparison.id).where(Comparison.taken > 0)).all() == []


def test_training_passages_are_set_aside(session: Session) -> None:
    study = make_asking_study(session, qualification=PLAN, passages=3)
    reserved = session.scalars(select(Passage).where(Passage.state == PassageState.RESERVED)).all()
    assert len(reserved) == 4
    assert {row.fault for row in session.scalars(select(TrainingComparison))} == {"shuffled", "foreign", "same", "loop"}
    assert study.comparisons == 3


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (QualificationPlan(comparisons=0, pass_mark=0), "1 to 50 comparisons"),
        (QualificationPlan(comparisons=2, pass_mark=3), "1 to 50 comparisons"),
        (QualificationPlan(comparisons=2, pass_mark=2, attempts=0), "1 to 100 attempts"),
        (QualificationPlan(comparisons=9, pass_mark=9), "needs 9 accepted passages"),
    ],
)
def test_a_plan_that_cannot_work_is_refused(session: Session, plan: QualificationPlan, says: str) -> None:
    study = make_pool(session, state=StudyState.DRAFT)
    make_training_passages(session, study, 4)
    with pytest.raises(ToprankError, match=says):
        set_qualification(session, study, plan)


def test_a_qualification_is_made_once_and_before_the_study_opens(session: Session) -> None:
    study = make_asking_study(session, qualification=PLAN)
    with pytest.raises(ConflictError, match="is open"):
        set_qualification(session, study, PLAN)
    study.state = StudyState.DRAFT
    with pytest.raises(ConflictError, match="already"):
        set_qualification(session, study, PLAN)


def test_an_annotator_goes_through_the_pages(annotator: Browser, db: Session) -> None:
    study = make_asking_study(db, qualification=QualificationPlan(comparisons=4, pass_mark=1), passages=20)
    db.commit()
    here = f"/annotate/qualification?study={study.slug}"
    assert annotator.get("/annotate").headers["location"] == here
    assert "Begin" in annotator.get(here).text
    said = ""
    for _ in range(4):
        assert annotator.submit(f"/annotate/qualification/next?study={study.slug}").headers["location"] == here
        found = CLAIM.search(annotator.get(here).text)
        assert found
        assert annotator.submit("/annotate/qualification", claim=found[1], verdict="equal").headers["location"] == here
        said += annotator.get(here).text
    for words in ("random order", "does not follow from the context", "word for word", "over and over"):
        assert words in said
    assert "Passed" in said
    assert (
        annotator.submit(f"/annotate/qualification/next?study={study.slug}")
        .headers["location"]
        .startswith("/annotate?")
    )
    page = annotator.get("/annotate").text
    assert CLAIM.search(page)
    # practice is neither counted as today's work nor the last answer
    assert '<span id="judged">0</span>' in page
    assert annotator.get("/annotate/revise").status_code == 303


def test_who_fails_for_good_is_told_what_that_means(annotator: Browser, db: Session) -> None:
    plan = QualificationPlan(comparisons=2, pass_mark=2, attempts=1)
    study = make_asking_study(db, qualification=plan)
    db.commit()
    here = f"/annotate/qualification?study={study.slug}"
    for _ in range(2):
        annotator.submit(f"/annotate/qualification/next?study={study.slug}")
        found = CLAIM.search(annotator.get(here).text)
        assert found
        annotator.submit("/annotate/qualification", claim=found[1], verdict="equal")
    page = annotator.get(here).text
    assert "You have used every attempt" in page
    assert "Try again" not in page
    assert annotator.submit(f"/annotate/qualification/next?study={study.slug}").status_code == 409


def test_closing_where_no_attempt_is_open_changes_nothing(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    close_attempt(session, study, annotator.id)
    assert session.scalar(text("SELECT count(*) FROM qualification")) == 0
