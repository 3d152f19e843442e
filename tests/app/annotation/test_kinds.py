"""Checks among the study's comparisons: how often, for whom, in which order."""

from collections import Counter

from scipy.stats import binomtest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.kinds import candidate_is_first_in_pair, kind_of
from app.annotation.leases import expire_leases
from app.annotation.verdicts import Answer, record_verdict, skip
from app.models import Assignment, Comparison, Study
from app.models.annotation import AssignmentState, SkipReason, VerdictShown
from app.models.comparison import Kind
from app.models.passage import PassageState
from tests.app.annotation.reading import annotations, assignment_of, comparison_of, let_leases_run_out
from tests.factories import make_dataset, make_gold, make_passage, make_person, make_pool, make_study


def judge(session: Session, study: Study, annotator_id: int, times: int = 1_000) -> int:
    """Judge until nothing is left or often enough; returns how many."""
    for done in range(times):
        shown = claim(session, study, annotator_id).shown
        if shown is None:
            return done
        record_verdict(session, annotator_id, shown, Answer(VerdictShown.FIRST))
    return times


def assignments(session: Session, kind: Kind) -> list[Assignment]:
    return list(session.scalars(select(Assignment).where(Assignment.kind == kind).order_by(Assignment.ordinal)))


def test_the_kind_is_a_keyed_draw_at_the_studys_rates() -> None:
    study = Study(secret=b"secret", gold_share=0.1, repeat_share=0.2)
    kinds = Counter(
        kind_of(study, annotator_id=annotator, ordinal=ordinal) for annotator in range(10) for ordinal in range(1_000)
    )
    assert binomtest(kinds[Kind.GOLD], 10_000, 0.1).pvalue > 0.001
    assert binomtest(kinds[Kind.REPEAT], 10_000, 0.2).pvalue > 0.001


def test_the_kind_differs_between_annotators_and_never_between_loads() -> None:
    study = Study(secret=b"secret", gold_share=0.3, repeat_share=0.2)
    kinds = {
        annotator: [kind_of(study, annotator_id=annotator, ordinal=k) for k in range(64)] for annotator in (1, 2, 1)
    }
    assert kinds[1] != kinds[2]
    assert kinds[1] == [kind_of(study, annotator_id=1, ordinal=k) for k in range(64)]


def test_the_schema_numbers_what_an_annotator_was_given_from_one(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    judge(session, study, annotator.id, times=5)
    ordinals = session.scalars(select(Assignment.ordinal).order_by(Assignment.id)).all()
    assert list(ordinals) == list(range(1, len(ordinals) + 1))


def test_gold_comes_at_its_rate_once_each_and_takes_no_slot(session: Session) -> None:
    study, annotator = make_pool(session, passages=40, gold_share=0.4), make_person(session)
    gold = [make_gold(session, study).id for _ in range(6)]
    assert judge(session, study, annotator.id) == 46
    given = assignments(session, Kind.GOLD)
    assert sorted(row.comparison_id for row in given) == gold
    assert {(row.slot, row.occasion, row.state) for row in given} == {(None, 0, AssignmentState.ANSWERED)}
    assert {row.status for row in annotations(session) if row.comparison_id in gold} == {"gold"}
    assert set(session.scalars(select(Comparison.taken).where(Comparison.kind == Kind.GOLD))) == {0}


def test_the_right_side_of_gold_is_left_as_often_as_right(session: Session) -> None:
    study, annotator = make_pool(session, passages=40, gold_share=0.4), make_person(session)
    for _ in range(6):
        make_gold(session, study)
    judge(session, study, annotator.id)
    first = [row.candidate_first for row in assignments(session, Kind.GOLD)]
    assert [sum(first[pair : pair + 2]) for pair in (0, 2, 4)] == [1, 1, 1]


def test_the_first_side_of_a_pair_of_gold_is_tossed() -> None:
    first = sum(candidate_is_first_in_pair(b"secret", annotator_id=1, nth=nth) for nth in range(0, 10_000, 2))
    assert binomtest(first, 5_000).pvalue > 0.001


def test_gold_alone_is_nothing_to_judge(session: Session) -> None:
    study, annotator = make_pool(session, passages=1, quota=1, gold_share=0.5), make_person(session)
    for _ in range(20):
        make_gold(session, study)
    judge(session, study, make_person(session).id)
    assert claim(session, study, annotator.id).shown is None


def test_a_study_without_gold_hands_out_its_own_comparisons(session: Session) -> None:
    study, annotator = make_pool(session, passages=12, gold_share=0.5), make_person(session)
    assert judge(session, study, annotator.id) == 12


def test_a_repeat_is_an_own_answer_from_long_ago_with_its_sides_exchanged(session: Session) -> None:
    study = make_pool(session, passages=60, repeat_share=0.3, exposure_gap=10)
    annotator = make_person(session)
    judge(session, study, annotator.id)
    repeats = assignments(session, Kind.REPEAT)
    originals = {row.comparison_id: row for row in assignments(session, Kind.STUDY)}
    assert len(originals) == 60
    assert len(repeats) > 5
    for repeat in repeats:
        once = originals[repeat.comparison_id]
        assert repeat.candidate_first != once.candidate_first
        assert repeat.ordinal - once.ordinal >= 10
        assert (repeat.occasion, repeat.slot, repeat.passage_exposure) == (1, None, 2)
    assert len({repeat.comparison_id for repeat in repeats}) == len(repeats)
    assert Counter(row.status for row in annotations(session)) == {"counted": 60, "repeat": len(repeats)}


def test_nobody_repeats_what_they_skipped_or_what_was_withdrawn(session: Session) -> None:
    study = make_pool(session, passages=30, repeat_share=0.5, exposure_gap=0)
    annotator = make_person(session)
    for nth in range(20):
        shown = claim(session, study, annotator.id).shown
        assert shown is not None
        if nth % 2:
            skip(session, annotator.id, shown, SkipReason.OTHER)
        else:
            record_verdict(session, annotator.id, shown, Answer(VerdictShown.FIRST))
            session.execute(
                update(Comparison).where(Comparison.id == comparison_of(session, shown).id).values(withdrawn=True)
            )
    assert assignments(session, Kind.REPEAT) == []


def test_a_check_whose_lease_expired_comes_back(session: Session) -> None:
    study, annotator = make_pool(session, passages=40, gold_share=0.5), make_person(session)
    for _ in range(20):
        make_gold(session, study)
    shown = claim(session, study, annotator.id).shown
    while assignment_of(session, shown).kind != Kind.GOLD:
        assert shown is not None
        record_verdict(session, annotator.id, shown, Answer(VerdictShown.FIRST))
        shown = claim(session, study, annotator.id).shown
    let_leases_run_out(session)
    expire_leases(session, study.id)
    assert claim(session, study, annotator.id).shown == shown
    assert comparison_of(session, shown).taken == 0


def test_gold_of_reserved_passages_costs_no_real_comparison(session: Session) -> None:
    study = make_study(session, gold_share=0.5)
    passage = make_passage(session, make_dataset(session, study), state=PassageState.RESERVED)
    gold = make_gold(session, study, passage=passage)
    assert gold.number is None
    assert claim(session, study, make_person(session).id).shown is None
