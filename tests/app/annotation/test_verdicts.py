"""Answers, revisions and skips: nothing is lost, doubled or refused."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.leases import expire_leases
from app.annotation.verdicts import Answer, record_verdict, resolve, revise_verdict, skip
from app.domain.withdrawals import withdraw
from app.errors import ConflictError, NotFoundError
from app.models import Annotation, Assignment, Study
from app.models.annotation import AnnotationStatus, AssignmentState, SkipReason, Verdict, VerdictShown
from app.models.comparison import Kind
from app.models.study import StudyState
from tests.app.annotation.reading import annotations, assignment_of, comparison_of, let_leases_run_out
from tests.factories import make_person, make_pool

FIRST, SECOND, EQUAL = (Answer(verdict) for verdict in VerdictShown)


def shown_to(session: Session, study: Study, annotator_id: int) -> UUID:
    shown = claim(session, study, annotator_id).shown
    assert shown is not None
    return shown


@pytest.mark.parametrize(
    ("chosen", "candidate_first", "meant"),
    [
        (VerdictShown.FIRST, True, Verdict.CANDIDATE),
        (VerdictShown.FIRST, False, Verdict.REFERENCE),
        (VerdictShown.SECOND, True, Verdict.REFERENCE),
        (VerdictShown.SECOND, False, Verdict.CANDIDATE),
        (VerdictShown.EQUAL, True, Verdict.EQUAL),
        (VerdictShown.EQUAL, False, Verdict.EQUAL),
    ],
)
def test_a_choice_means_what_stood_there(chosen: VerdictShown, candidate_first: bool, meant: Verdict) -> None:
    assert resolve(chosen, candidate_first=candidate_first) == meant


def test_an_answer_is_stored_as_shown_and_as_resolved(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    record_verdict(session, annotator.id, shown, FIRST)
    (annotation,) = annotations(session)
    assert annotation.verdict_shown == VerdictShown.FIRST
    assert annotation.verdict == resolve(
        VerdictShown.FIRST, candidate_first=assignment_of(session, shown).candidate_first
    )
    assert annotation.status == AnnotationStatus.COUNTED
    assert (comparison_of(session, shown).taken, comparison_of(session, shown).answered) == (1, 1)


def test_a_second_answer_returns_the_first_result(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    once = record_verdict(session, annotator.id, shown, FIRST)
    assert record_verdict(session, annotator.id, shown, SECOND) == once
    assert [row.verdict_shown for row in annotations(session)] == [VerdictShown.FIRST]


@pytest.mark.parametrize("act", [record_verdict, revise_verdict])
def test_an_invented_claim_is_not_found_and_stores_nothing(session: Session, act) -> None:  # type: ignore[no-untyped-def]
    annotator = make_person(session)
    with pytest.raises(NotFoundError):
        act(session, annotator.id, uuid4(), FIRST)
    assert annotations(session) == []


def test_somebody_elses_claim_is_not_found_and_stores_nothing(session: Session) -> None:
    study, annotator, other = make_pool(session), make_person(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    with pytest.raises(NotFoundError):
        record_verdict(session, other.id, shown, FIRST)
    with pytest.raises(NotFoundError):
        skip(session, other.id, shown, SkipReason.OTHER)
    assert annotations(session) == []


def test_a_late_answer_takes_a_free_slot(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    let_leases_run_out(session)
    expire_leases(session, study.id)
    assert assignment_of(session, shown).slot is None
    assert record_verdict(session, annotator.id, shown, SECOND).status == AnnotationStatus.COUNTED
    assert assignment_of(session, shown).slot == 1


def test_a_late_answer_without_a_free_slot_is_kept_as_surplus(session: Session) -> None:
    study = make_pool(session, passages=1, quota=1)
    late, other = make_person(session), make_person(session)
    shown = shown_to(session, study, late.id)
    let_leases_run_out(session)
    record_verdict(session, other.id, shown_to(session, study, other.id), FIRST)
    assert record_verdict(session, late.id, shown, SECOND).status == AnnotationStatus.SURPLUS
    assert [row.status for row in annotations(session)] == [AnnotationStatus.COUNTED, AnnotationStatus.SURPLUS]
    assert comparison_of(session, shown).answered == 1


def test_an_answer_after_the_study_closed_is_kept_as_surplus_and_frees_the_slot(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    study.state = StudyState.CLOSED
    session.flush()
    assert record_verdict(session, annotator.id, shown, FIRST).status == AnnotationStatus.SURPLUS
    assert (comparison_of(session, shown).taken, comparison_of(session, shown).answered) == (0, 0)


def test_a_late_answer_to_a_closed_study_is_kept_as_surplus(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    let_leases_run_out(session)
    expire_leases(session, study.id)
    study.state = StudyState.CLOSED
    session.flush()
    assert record_verdict(session, annotator.id, shown, FIRST).status == AnnotationStatus.SURPLUS


def test_an_answer_to_what_is_only_next_is_accepted(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    following = claim(session, study, annotator.id).next
    assert following is not None
    assert record_verdict(session, annotator.id, following, EQUAL).status == AnnotationStatus.COUNTED
    assert assignment_of(session, following).shown_at is not None


@pytest.mark.parametrize("kind", [Kind.GOLD, Kind.REPEAT, Kind.TRAINING])
def test_what_does_not_count_takes_no_slot(session: Session, kind: Kind) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    comparison = comparison_of(session, shown)
    assignment = assignment_of(session, shown)
    comparison.taken, assignment.slot, assignment.kind = 0, None, kind
    session.flush()
    assert record_verdict(session, annotator.id, shown, FIRST).status == kind.value
    assert (comparison_of(session, shown).taken, comparison_of(session, shown).answered) == (0, 0)


def test_a_duration_is_no_longer_than_the_time_since_the_claim(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    record_verdict(session, annotator.id, shown, Answer(VerdictShown.FIRST, duration_ms=60_000))
    # claimed in this very transaction, whose clock stands still
    assert annotations(session)[0].duration_ms == 0


def test_a_revision_supersedes_and_keeps_the_slot(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    record_verdict(session, annotator.id, shown, FIRST)
    revised = revise_verdict(session, annotator.id, shown, SECOND)
    old, new = annotations(session)
    assert (old.status, old.slot) == (AnnotationStatus.SUPERSEDED, None)
    assert (new.status, new.slot, new.supersedes_id) == (AnnotationStatus.COUNTED, 1, old.id)
    assert revised.annotation_id == new.id
    assert (comparison_of(session, shown).taken, comparison_of(session, shown).answered) == (1, 1)


def test_a_revision_sent_twice_changes_once(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    record_verdict(session, annotator.id, shown, FIRST)
    once = revise_verdict(session, annotator.id, shown, SECOND)
    assert revise_verdict(session, annotator.id, shown, SECOND) == once
    assert len(annotations(session)) == 2


def test_a_revision_can_be_revised(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    record_verdict(session, annotator.id, shown, FIRST)
    revise_verdict(session, annotator.id, shown, SECOND)
    revise_verdict(session, annotator.id, shown, EQUAL)
    assert [row.status for row in annotations(session)] == ["superseded", "superseded", "counted"]


def test_only_the_last_answer_can_be_revised(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    earlier = shown_to(session, study, annotator.id)
    record_verdict(session, annotator.id, earlier, FIRST)
    record_verdict(session, annotator.id, shown_to(session, study, annotator.id), FIRST)
    with pytest.raises(ConflictError, match="Only your last answer"):
        revise_verdict(session, annotator.id, earlier, SECOND)
    assert all(row.status == AnnotationStatus.COUNTED for row in annotations(session))


def test_what_was_not_answered_cannot_be_revised(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    with pytest.raises(NotFoundError):
        revise_verdict(session, annotator.id, shown_to(session, study, annotator.id), FIRST)


def test_a_surplus_answer_stays_surplus_when_revised(session: Session) -> None:
    study = make_pool(session, passages=1, quota=1)
    late, other = make_person(session), make_person(session)
    shown = shown_to(session, study, late.id)
    let_leases_run_out(session)
    record_verdict(session, other.id, shown_to(session, study, other.id), FIRST)
    record_verdict(session, late.id, shown, FIRST)
    assert revise_verdict(session, late.id, shown, SECOND).status == AnnotationStatus.SURPLUS


def test_a_skip_frees_the_slot_and_says_why(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    skip(session, annotator.id, shown, SkipReason.BROKEN)
    skipped = assignment_of(session, shown)
    assert (skipped.state, skipped.skip_reason, skipped.slot) == (AssignmentState.SKIPPED, SkipReason.BROKEN, None)
    assert comparison_of(session, shown).taken == 0


def test_skipping_again_or_after_an_answer_changes_nothing(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    skipped = shown_to(session, study, annotator.id)
    skip(session, annotator.id, skipped, SkipReason.BROKEN)
    skip(session, annotator.id, skipped, SkipReason.OTHER)
    assert assignment_of(session, skipped).skip_reason == SkipReason.BROKEN
    answered = shown_to(session, study, annotator.id)
    record_verdict(session, annotator.id, answered, FIRST)
    assert skip(session, annotator.id, answered, SkipReason.OTHER).status == AnnotationStatus.COUNTED
    assert assignment_of(session, answered).state == AssignmentState.ANSWERED


def test_an_answer_after_a_skip_stays_a_skip(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    skip(session, annotator.id, shown, SkipReason.OTHER)
    assert record_verdict(session, annotator.id, shown, FIRST).annotation_id is None
    assert annotations(session) == []


def test_an_expired_lease_can_still_be_skipped(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    let_leases_run_out(session)
    expire_leases(session, study.id)
    skip(session, annotator.id, shown, SkipReason.OTHER)
    assert comparison_of(session, shown).taken == 0


def test_the_schema_refuses_an_annotator_beyond_the_quota(session: Session) -> None:
    study, annotator = make_pool(session, quota=3), make_person(session)
    assignment = assignment_of(session, shown_to(session, study, annotator.id))
    assignment.slot = 4
    with pytest.raises(IntegrityError, match="slot_within_quota"):
        session.flush()


def test_the_schema_refuses_two_annotators_in_one_slot(session: Session) -> None:
    study = make_pool(session, passages=1, quota=3)
    shown_to(session, study, make_person(session).id)
    second = assignment_of(session, shown_to(session, study, make_person(session).id))
    second.slot = 1
    with pytest.raises(IntegrityError, match="uq_assignment_slot"):
        session.flush()


def test_the_schema_refuses_a_verdict_that_contradicts_the_order(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    record_verdict(session, annotator.id, shown, FIRST)
    (annotation,) = annotations(session)
    annotation.candidate_first = not annotation.candidate_first
    with pytest.raises(IntegrityError, match="verdict_matches_order"):
        session.flush()


def test_the_schema_refuses_a_lower_quota_than_slots_in_use(session: Session) -> None:
    study = make_pool(session, passages=1, quota=2)
    shown = shown_to(session, study, make_person(session).id)
    shown_to(session, study, make_person(session).id)
    comparison_of(session, shown).quota = 1
    with pytest.raises(IntegrityError):
        session.flush()


def test_a_raised_quota_reopens_a_comparison(session: Session) -> None:
    study = make_pool(session, passages=1, quota=1)
    shown = shown_to(session, study, make_person(session).id)
    comparison_of(session, shown).quota = 2
    session.flush()
    shown_to(session, study, make_person(session).id)
    assert session.scalars(select(Assignment.slot).order_by(Assignment.slot)).all() == [1, 2]
    assert session.scalars(select(Annotation)).all() == []


def test_what_somebody_reads_while_they_are_withdrawn_is_kept_and_does_not_count(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = shown_to(session, study, annotator.id)
    withdraw(session, study, annotator.id, by_id=None, reason="moved away")

    outcome = record_verdict(session, annotator.id, shown, FIRST)

    assert outcome.status == AnnotationStatus.WITHDRAWN
