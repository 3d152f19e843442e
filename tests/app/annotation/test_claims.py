"""Claiming: who gets what, and that asking again changes nothing."""

from datetime import timedelta

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from app.annotation.claims import claim, hold
from app.annotation.leases import expire_leases, keep_lease, shorten_leases
from app.annotation.verdicts import Answer, record_verdict, skip
from app.models import Assignment, Comparison, Study
from app.models.annotation import AssignmentState, SkipReason, VerdictShown
from app.models.study import StudyState
from tests.app.annotation.reading import assignment_of, comparison_of, let_leases_run_out
from tests.factories import make_comparison, make_dataset, make_passage, make_person, make_pool, make_study


def judge_one(session: Session, study: Study, annotator_id: int) -> bool:
    held = claim(session, study, annotator_id)
    if held.shown is None:
        return False
    record_verdict(session, annotator_id, held.shown, Answer(VerdictShown.FIRST))
    return True


def test_a_claim_shows_one_comparison_and_keeps_another_ready(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    held = claim(session, study, annotator.id)
    assert assignment_of(session, held.shown).state == AssignmentState.SHOWN
    assert assignment_of(session, held.next).state == AssignmentState.NEXT
    assert comparison_of(session, held.shown).id != comparison_of(session, held.next).id


def test_fifty_reloads_show_the_same_two(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    assert len({claim(session, study, annotator.id) for _ in range(50)}) == 1


def test_answering_promotes_what_was_next(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    before = claim(session, study, annotator.id)
    assert before.shown is not None
    record_verdict(session, annotator.id, before.shown, Answer(VerdictShown.EQUAL))
    after = hold(session, study, annotator.id)
    assert after.shown == before.next
    assert assignment_of(session, after.shown).shown_at is not None
    assert after.next not in (None, before.next)


def test_a_passage_is_never_shown_twice_under_different_systems(session: Session) -> None:
    study, annotator = make_pool(session, passages=5, systems=3, scenarios=(128, 256)), make_person(session)
    judged = 0
    while judge_one(session, study, annotator.id):
        judged += 1
    # 5 passages x 3 systems x 2 scenarios = 30 comparisons, yet one for each passage
    assert judged == 5
    assert session.scalar(select(func.count(func.distinct(Assignment.passage_id)))) == 5


def test_a_passage_comes_back_when_the_study_allows_it_and_enough_was_judged_in_between(session: Session) -> None:
    study = make_pool(session, passages=4, systems=2, max_exposures=2, exposure_gap=3)
    annotator = make_person(session)
    judged = 0
    while judge_one(session, study, annotator.id):
        judged += 1
    # each of 4 passages twice: at most 2 exposures each, and 3 others always lie in between
    assert judged == 8
    order = list(session.scalars(select(Assignment.passage_id).order_by(Assignment.id)))
    exposures = list(session.scalars(select(Assignment.passage_exposure).order_by(Assignment.id)))
    assert exposures == [1] * 4 + [2] * 4
    assert all(order[4:].index(passage) + 4 - order.index(passage) > 3 for passage in set(order))


def test_nothing_comes_back_before_the_gap(session: Session) -> None:
    study = make_pool(session, passages=4, systems=2, max_exposures=2, exposure_gap=100)
    annotator = make_person(session)
    assert sum(judge_one(session, study, annotator.id) for _ in range(6)) == 4


def test_no_comparison_gets_more_annotators_than_its_quota(session: Session) -> None:
    study = make_pool(session, passages=3, quota=2)
    annotators = [make_person(session) for _ in range(4)]
    while any(judge_one(session, study, annotator.id) for annotator in annotators):
        pass
    counts = session.execute(select(Comparison.taken, Comparison.answered)).all()
    assert [tuple(row) for row in counts] == [(2, 2)] * 3


def test_near_the_end_nobody_holds_a_comparison_in_reserve(session: Session) -> None:
    study, annotator = make_pool(session, passages=7), make_person(session)
    held = claim(session, study, annotator.id)
    assert held.shown is not None
    assert held.next is None


def test_a_paused_study_hands_out_nothing_new(session: Session) -> None:
    study, annotator = make_pool(session, state=StudyState.PAUSED), make_person(session)
    assert claim(session, study, annotator.id).shown is None


def test_unreleased_and_withdrawn_comparisons_are_not_handed_out(session: Session) -> None:
    study, annotator = make_study(session), make_person(session)
    dataset = make_dataset(session, study)
    make_comparison(session, make_passage(session, dataset), number=None)
    make_comparison(session, make_passage(session, dataset), withdrawn=True)
    assert claim(session, study, annotator.id).shown is None


def test_a_study_without_comparisons_hands_out_nothing(session: Session) -> None:
    study, annotator = make_study(session), make_person(session)
    assert claim(session, study, annotator.id).shown is None


def test_an_expired_lease_frees_its_slot_for_others(session: Session) -> None:
    study = make_pool(session, passages=1, quota=1)
    leaver, other = make_person(session), make_person(session)
    left = claim(session, study, leaver.id).shown
    assert claim(session, study, other.id).shown is None
    let_leases_run_out(session)
    taken = claim(session, study, other.id).shown
    assert comparison_of(session, taken).id == comparison_of(session, left).id
    assert assignment_of(session, left).state == AssignmentState.EXPIRED
    assert comparison_of(session, left).taken == 1


def test_whoever_returns_to_an_expired_lease_gets_the_same_comparison(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    before = claim(session, study, annotator.id)
    let_leases_run_out(session)
    expire_leases(session, study.id)
    again = claim(session, study, annotator.id)
    assert again.shown == before.shown
    assert comparison_of(session, again.shown).taken == 1


def test_a_lease_that_ran_out_but_was_not_collected_is_renewed(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    before = claim(session, study, annotator.id)
    let_leases_run_out(session)
    assert claim(session, study, annotator.id) == before
    assert expire_leases(session, study.id) == 0


def test_a_reserve_that_expired_unseen_is_not_lost_to_its_annotator(session: Session) -> None:
    study, annotator = make_pool(session, passages=12), make_person(session)
    claim(session, study, annotator.id)
    let_leases_run_out(session)
    expire_leases(session, study.id)
    judged = 0
    while judge_one(session, study, annotator.id):
        judged += 1
    assert judged == 12


def test_a_skipped_comparison_goes_to_others_and_never_returns(session: Session) -> None:
    study = make_pool(session, passages=1, quota=1)
    skipper, other = make_person(session), make_person(session)
    skipped = claim(session, study, skipper.id).shown
    assert skipped is not None
    skip(session, skipper.id, skipped, SkipReason.HARMFUL)
    assert claim(session, study, skipper.id).shown is None
    assert comparison_of(session, claim(session, study, other.id).shown).id == comparison_of(session, skipped).id


def test_leaving_the_page_shortens_both_leases_to_a_minute(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    held = claim(session, study, annotator.id)
    assert held.shown is not None
    shorten_leases(session, annotator.id, held.shown)
    for held_claim in (held.shown, held.next):
        lease = assignment_of(session, held_claim)
        assert lease.lease_expires_at - lease.claimed_at == timedelta(seconds=60)


def test_somebody_elses_claim_shortens_nothing(session: Session) -> None:
    study, annotator, other = make_pool(session, passages=20), make_person(session), make_person(session)
    held = claim(session, study, annotator.id)
    before = assignment_of(session, held.shown).lease_expires_at
    assert held.shown is not None
    shorten_leases(session, other.id, held.shown)
    keep_lease(session, other.id, held.shown)
    assert assignment_of(session, held.shown).lease_expires_at == before


def test_a_page_kept_open_renews_its_lease_up_to_three_times_its_length(session: Session) -> None:
    study, annotator = make_pool(session, passages=20, lease_minutes=20), make_person(session)
    shown = claim(session, study, annotator.id).shown
    assert shown is not None
    assignment = assignment_of(session, shown)
    session.execute(update(Assignment).values(shown_at=text("now() - interval '50 minutes'")))
    keep_lease(session, annotator.id, shown)
    lease = assignment_of(session, shown)
    # 3 x 20 minutes after it was shown 50 minutes ago: 10 minutes from now
    assert lease.lease_expires_at - assignment.claimed_at == timedelta(minutes=10)


def test_what_is_next_outlives_what_is_shown_by_a_minute(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    held = claim(session, study, annotator.id)
    shown, following = assignment_of(session, held.shown), assignment_of(session, held.next)
    assert following.lease_expires_at - shown.lease_expires_at == timedelta(minutes=1)


def test_the_first_text_of_a_passage_is_its_first_exposure(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    assert assignment_of(session, claim(session, study, annotator.id).shown).passage_exposure == 1


def test_one_person_fills_no_more_than_their_share(session: Session) -> None:
    # 20 comparisons, one annotation each, a tenth for one person: two
    study, annotator = make_pool(session, passages=20, quota=1, max_share=0.1), make_person(session)
    assert judge_one(session, study, annotator.id)
    held = claim(session, study, annotator.id)
    assert (held.shown is not None, held.next) == (True, None)
    assert judge_one(session, study, annotator.id)
    assert not judge_one(session, study, annotator.id)
    assert judge_one(session, study, make_person(session).id)
