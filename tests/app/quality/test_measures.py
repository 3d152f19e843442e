"""Each annotator's measures, from judgements whose answer the test knows."""

from collections.abc import Callable

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.verdicts import Answer, record_verdict, revise_verdict, skip
from app.domain.pseudonyms import annotator_called, find_annotator, pseudonym
from app.domain.reviews import pause
from app.domain.withdrawals import withdraw
from app.errors import NotFoundError
from app.export.streaming import Export, ExportOrder
from app.models import Annotation, Study
from app.models.annotation import SkipReason, Verdict, VerdictShown
from app.models.comparison import Kind
from app.models.person import Role
from app.quality.measures import AnnotatorQuality, Share, study_quality
from tests.app.annotation.reading import assignment_of
from tests.factories import make_gold, make_person, make_pool


def meaning(verdict: Verdict, *, candidate_first: bool) -> VerdictShown:
    """The key that means this verdict."""
    if verdict == Verdict.EQUAL:
        return VerdictShown.EQUAL
    return VerdictShown.FIRST if (verdict == Verdict.CANDIDATE) == candidate_first else VerdictShown.SECOND


def judge(session: Session, study: Study, annotator_id: int, choose: Callable[[Kind], Verdict]) -> None:
    """Judge until nothing is left, by the kind of the assignment."""
    while (shown := claim(session, study, annotator_id).shown) is not None:
        given = assignment_of(session, shown)
        key = meaning(choose(given.kind), candidate_first=given.candidate_first)
        record_verdict(session, annotator_id, shown, Answer(key))


def of(session: Session, study: Study, annotator_id: int) -> AnnotatorQuality:
    return next(one for one in study_quality(session, study) if one.annotator_id == annotator_id)


def test_gold_is_right_where_the_original_was_preferred(session: Session) -> None:
    study = make_pool(session, passages=30, gold_share=0.5)
    for _ in range(4):
        make_gold(session, study)
    right, wrong = make_person(session), make_person(session)
    judge(session, study, right.id, lambda _: Verdict.REFERENCE)
    judge(session, study, wrong.id, lambda _: Verdict.EQUAL)
    assert of(session, study, right.id).gold == Share(4, 4)
    assert of(session, study, wrong.id).gold == Share(0, 4)
    assert of(session, study, right.id).answers == 30


def test_repeats_are_alike_where_the_same_text_was_preferred_again(session: Session) -> None:
    study = make_pool(session, passages=40, repeat_share=0.4, exposure_gap=0)
    same, other = make_person(session), make_person(session)
    judge(session, study, same.id, lambda _: Verdict.CANDIDATE)
    judge(session, study, other.id, lambda kind: Verdict.EQUAL if kind == Kind.REPEAT else Verdict.CANDIDATE)
    consistent, inconsistent = (of(session, study, one.id).self_consistency for one in (same, other))
    assert consistent.good == consistent.total > 5
    assert (inconsistent.good, inconsistent.share) == (0, 0.0)
    assert inconsistent.total > 5


def test_agreement_is_with_each_other_annotator_of_a_comparison(session: Session) -> None:
    study = make_pool(session, passages=5, quota=3)
    people = [make_person(session) for _ in range(3)]
    for person, verdict in zip(people, (Verdict.CANDIDATE, Verdict.CANDIDATE, Verdict.EQUAL), strict=True):
        judge(session, study, person.id, lambda _, verdict=verdict: verdict)  # type: ignore[misc]
    # the first agrees with the second, not with the third, on each of 5 comparisons
    assert [of(session, study, person.id).agreement for person in people] == [Share(5, 10), Share(5, 10), Share(0, 10)]


def test_places_are_counted_as_shown_and_without_checks(session: Session) -> None:
    study = make_pool(session, passages=20, gold_share=0.3)
    for _ in range(5):
        make_gold(session, study)
    annotator = make_person(session)
    while (shown := claim(session, study, annotator.id).shown) is not None:
        record_verdict(session, annotator.id, shown, Answer(VerdictShown.SECOND))
    found = of(session, study, annotator.id)
    assert (found.first, found.second, found.equal) == (0, 20, 0)
    assert found.position is not None
    assert found.position.share == 0.0
    assert found.position.high < 0.5


def test_reading_times_are_the_median_and_the_fastest_tenth(session: Session) -> None:
    study, annotator = make_pool(session, passages=11), make_person(session)
    judge(session, study, annotator.id, lambda _: Verdict.EQUAL)
    for nth, row in enumerate(session.query(Annotation).order_by(Annotation.id)):
        session.execute(update(Annotation).where(Annotation.id == row.id).values(duration_ms=1_000 * nth))
    # 0, 1, ... 10 s
    found = of(session, study, annotator.id)
    assert (found.median_reading_ms, found.fast_reading_ms) == (5_000, 1_000)
    assert found.position is None


def test_a_revision_counts_once_and_a_skip_is_told_apart(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    skipped = claim(session, study, annotator.id).shown
    assert skipped is not None
    skip(session, annotator.id, skipped, SkipReason.OTHER)
    answered = claim(session, study, annotator.id).shown
    assert answered is not None
    record_verdict(session, annotator.id, answered, Answer(VerdictShown.FIRST))
    revise_verdict(session, annotator.id, answered, Answer(VerdictShown.SECOND))
    found = of(session, study, annotator.id)
    assert (found.answers, found.skips, found.first, found.second) == (1, 1, 0, 1)


def test_whoever_only_skipped_is_listed_too(session: Session) -> None:
    study, annotator = make_pool(session, passages=20), make_person(session)
    shown = claim(session, study, annotator.id).shown
    assert shown is not None
    skip(session, annotator.id, shown, SkipReason.OTHER)
    found = of(session, study, annotator.id)
    assert (found.answers, found.skips, found.median_reading_ms) == (0, 1, None)
    assert (found.gold.share, found.gold.interval) == (None, None)


def test_whoever_waits_for_a_review_comes_first(session: Session) -> None:
    study = make_pool(session, passages=10)
    busy, paused, gone = make_person(session), make_person(session), make_person(session)
    for person in (busy, gone):
        judge(session, study, person.id, lambda _: Verdict.EQUAL)
    pause(session, study, paused.id, by_id=None, reason="A look.")
    withdraw(session, study, gone.id, by_id=None, reason="Asked to.")
    found = study_quality(session, study)
    assert [(one.annotator_id, one.state, one.reason) for one in found] == [
        (paused.id, "paused", "A look."),
        (busy.id, None, None),
        (gone.id, "withdrawn", "Asked to."),
    ]
    # withdrawn answers are still described, and no longer compared with others'
    assert (found[2].answers, found[2].agreement) == (10, Share(0, 0))


def test_the_pseudonym_is_the_one_in_the_export(session: Session) -> None:
    study, annotator = make_pool(session, passages=1), make_person(session)
    judge(session, study, annotator.id, lambda _: Verdict.EQUAL)
    exported = b"".join(Export(study, ExportOrder()).pieces(session)).decode()
    assert f",{pseudonym(study, annotator.id)}," in exported


def test_whom_a_decision_named_before_they_ever_came_has_a_pseudonym_too(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    pause(session, study, annotator.id, by_id=None, reason="A look.")
    (listed,) = study_quality(session, study)
    assert annotator_called(session, study, listed.annotator) == annotator


def test_commands_find_an_annotator_by_pseudonym_and_by_email(session: Session) -> None:
    study, annotator, researcher = make_pool(session), make_person(session), make_person(session, role=Role.RESEARCHER)
    judge(session, study, annotator.id, lambda _: Verdict.EQUAL)
    judge(session, study, make_person(session).id, lambda _: Verdict.EQUAL)
    assert find_annotator(session, study, pseudonym(study, annotator.id)) == annotator
    assert find_annotator(session, study, annotator.email.upper()) == annotator
    for nobody in ("0" * 12, researcher.email):
        with pytest.raises(NotFoundError, match="no annotator"):
            find_annotator(session, study, nobody)
