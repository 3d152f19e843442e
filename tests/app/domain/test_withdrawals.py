"""Withdrawing an annotator: everything is kept, and the slots follow the study's rule."""

from collections import Counter

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.page import Standing, standing
from app.annotation.verdicts import Answer, record_verdict, revise_verdict
from app.domain.reviews import last_decision, resume
from app.domain.withdrawals import withdraw
from app.errors import ConflictError
from app.models import Annotation, Assignment, Comparison, Study
from app.models.annotation import VerdictShown
from app.models.review import Decision
from app.models.study import Withdrawal
from tests.app.annotation.reading import annotations, assignment_of
from tests.factories import make_gold, make_person, make_pool

FIRST = Answer(VerdictShown.FIRST)


def judge(session: Session, study: Study, annotator_id: int, times: int) -> None:
    for _ in range(times):
        shown = claim(session, study, annotator_id).shown
        assert shown is not None
        record_verdict(session, annotator_id, shown, FIRST)


def filled(session: Session) -> tuple[int, int]:
    """All slots in use and all answers that count, as the comparisons say; checked against the other two tables."""
    counts = session.execute(select(Comparison.id, Comparison.taken, Comparison.answered)).all()
    slots = Counter(session.scalars(select(Assignment.comparison_id).where(Assignment.slot.is_not(None))))
    counted = Counter(session.scalars(select(Annotation.comparison_id).where(Annotation.status == "counted")))
    assert {row.id: row.taken for row in counts if row.taken} == slots
    assert {row.id: row.answered for row in counts if row.answered} == counted
    return sum(slots.values()), sum(counted.values())


def test_replacing_reopens_every_slot_and_keeps_every_answer(session: Session) -> None:
    study = make_pool(session, passages=30, quota=2, withdrawal=Withdrawal.REPLACE)
    leaver, other = make_person(session), make_person(session)
    judge(session, study, leaver.id, 10)
    judge(session, study, other.id, 10)
    before = [(row.id, row.verdict) for row in annotations(session)]
    done = withdraw(session, study, leaver.id, by_id=None, reason="Asked to.")
    session.expire_all()
    assert (done.rule, done.answers, done.reopened) == (Withdrawal.REPLACE, 10, 10)
    assert [(row.id, row.verdict) for row in annotations(session)] == before
    assert Counter((row.annotator_id, row.status) for row in annotations(session)) == {
        (leaver.id, "withdrawn"): 10,
        (other.id, "counted"): 10,
    }
    # what the other holds: 10 answers, and one that is next
    assert filled(session) == (11, 10)


def test_reopened_slots_are_filled_by_others(session: Session) -> None:
    study = make_pool(session, passages=5, quota=1)
    leaver, other = make_person(session), make_person(session)
    judge(session, study, leaver.id, 5)
    assert standing(session, study, other.id) == Standing.COMPLETE
    withdraw(session, study, leaver.id, by_id=None, reason="")
    judge(session, study, other.id, 5)
    session.expire_all()
    assert filled(session) == (5, 5)


def test_keeping_leaves_the_answers_counted_and_their_slots_taken(session: Session) -> None:
    study = make_pool(session, passages=30, withdrawal=Withdrawal.KEEP)
    leaver = make_person(session)
    judge(session, study, leaver.id, 10)
    done = withdraw(session, study, leaver.id, by_id=None, reason="")
    session.expire_all()
    assert (done.answers, done.reopened) == (10, 0)
    assert {row.status for row in annotations(session)} == {"counted"}
    assert filled(session) == (10, 10)


@pytest.mark.parametrize("rule", list(Withdrawal))
def test_what_the_annotator_held_goes_back_and_nothing_new_comes(session: Session, rule: Withdrawal) -> None:
    study, leaver = make_pool(session, passages=30, withdrawal=rule), make_person(session)
    held = claim(session, study, leaver.id)
    withdraw(session, study, leaver.id, by_id=None, reason="")
    session.expire_all()
    assert filled(session) == (0, 0)
    assert {assignment_of(session, held.shown).state, assignment_of(session, held.next).state} == {"expired"}
    assert claim(session, study, leaver.id).shown is None
    assert standing(session, study, leaver.id) == Standing.WITHDRAWN


@pytest.mark.parametrize("rule", list(Withdrawal))
def test_an_answer_that_comes_after_the_withdrawal_is_kept_and_takes_no_slot(
    session: Session, rule: Withdrawal
) -> None:
    study, leaver = make_pool(session, passages=30, withdrawal=rule), make_person(session)
    shown = claim(session, study, leaver.id).shown
    assert shown is not None
    withdraw(session, study, leaver.id, by_id=None, reason="")
    assert record_verdict(session, leaver.id, shown, FIRST).status == "withdrawn"
    session.expire_all()
    assert filled(session) == (0, 0)


def test_a_withdrawn_answer_stays_withdrawn_when_revised(session: Session) -> None:
    study, leaver = make_pool(session, passages=30), make_person(session)
    shown = claim(session, study, leaver.id).shown
    assert shown is not None
    record_verdict(session, leaver.id, shown, FIRST)
    withdraw(session, study, leaver.id, by_id=None, reason="")
    assert revise_verdict(session, leaver.id, shown, Answer(VerdictShown.SECOND)).status == "withdrawn"
    session.expire_all()
    assert filled(session) == (0, 0)


def test_gold_revisions_and_surplus_keep_their_status(session: Session) -> None:
    study = make_pool(session, passages=20, gold_share=0.5)
    for _ in range(10):
        make_gold(session, study)
    leaver = make_person(session)
    judge(session, study, leaver.id, 15)
    shown = claim(session, study, leaver.id).shown
    assert shown is not None
    record_verdict(session, leaver.id, shown, FIRST)
    revise_verdict(session, leaver.id, shown, Answer(VerdictShown.EQUAL))
    before = Counter(row.status for row in annotations(session))
    withdraw(session, study, leaver.id, by_id=None, reason="")
    after = Counter(row.status for row in annotations(session))
    assert after == Counter(before) - Counter(counted=before["counted"]) + Counter(withdrawn=before["counted"])
    assert before["gold"] > 0
    session.expire_all()
    assert filled(session) == (0, 0)


def test_a_withdrawal_is_final_and_on_record(session: Session) -> None:
    study, leaver, researcher = make_pool(session), make_person(session), make_person(session)
    withdraw(session, study, leaver.id, by_id=researcher.id, reason="Asked to.")
    decision = last_decision(session, study, leaver.id)
    assert decision is not None
    assert (decision.decision, decision.by_id, decision.reason) == (Decision.WITHDRAWN, researcher.id, "Asked to.")
    with pytest.raises(ConflictError, match="withdrawn from the study already"):
        withdraw(session, study, leaver.id, by_id=researcher.id, reason="")
    with pytest.raises(ConflictError, match="not paused"):
        resume(session, study, leaver.id, by_id=researcher.id)


def test_the_other_studies_of_a_withdrawn_annotator_go_on(session: Session) -> None:
    study, other, leaver = make_pool(session, passages=10), make_pool(session, passages=10), make_person(session)
    judge(session, other, leaver.id, 3)
    withdraw(session, study, leaver.id, by_id=None, reason="")
    judge(session, other, leaver.id, 3)
    assert {row.status for row in annotations(session)} == {"counted"}
