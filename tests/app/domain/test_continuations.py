"""What a system wrote becomes comparisons: one for each pair of shown texts, numbered when it may be judged."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.continuations import (
    ContinuationTooShortError,
    Written,
    record_continuation,
    release,
    shown_sides,
)
from app.domain.reference_tokens import ReferenceTokenizer
from app.domain.shown_text import normalised
from app.models import Candidacy, Comparison, Continuation, Passage, Study, System
from app.models.passage import PassageState
from app.models.study import Release
from tests.factories import make_comparison, make_dataset, make_passage, make_study, make_system
from tests.tiny_model import sample_text, tiny_tokenizer_json

REFERENCE = ReferenceTokenizer(tiny_tokenizer_json())


@pytest.fixture
def study(session: Session) -> Study:
    return make_study(session, release=Release.AS_READY)


@pytest.fixture
def passage(session: Session, study: Study) -> Passage:
    return real_passage(session, study)


def real_passage(session: Session, study: Study, number: int = 0) -> Passage:
    """A passage that was really cut, so that its texts and ids belong together."""
    cut = REFERENCE.cut(sample_text(number))
    return make_passage(
        session, make_dataset(session, study), context=cut.context, original=cut.original, token_ids=cut.token_ids
    )


def written(text: str = sample_text(9)) -> Written:
    """A continuation of exactly 224 reference tokens."""
    token_ids = REFERENCE.encode(" " + text).ids[:224]
    return Written(token_ids, REFERENCE.decode(token_ids), None, "test")


def record(session: Session, system: System, passage: Passage, **options: object) -> bool:
    given = options.pop("given", None) or written()
    return record_continuation(
        session,
        given,
        system=system,
        passage=passage,
        reference=REFERENCE,
        own_tokens_are_reference=bool(options.pop("own", True)),
    )


def comparisons(session: Session) -> list[Comparison]:
    return list(session.scalars(select(Comparison).order_by(Comparison.scenario)))


def test_a_continuation_is_compared_with_the_original_in_both_scenarios(
    session: Session, study: Study, passage: Passage
) -> None:
    system = make_system(session, study)

    assert record(session, system, passage)

    short, long = comparisons(session)
    assert (short.scenario, long.scenario) == (128, 256)
    assert long.candidate_text.startswith(short.candidate_text)
    assert long.reference_text.startswith(short.reference_text)
    # all 224 tokens of the original, less a last word that no punctuation closes
    assert normalised(passage.original).startswith(long.reference_text)
    assert len(long.reference_text) > 0.9 * len(passage.original)
    kept = session.scalars(select(Candidacy.comparison_id).order_by(Candidacy.scenario)).all()
    assert kept == [short.id, long.id]


def test_a_system_of_one_scenario_is_compared_in_that_one(session: Session, study: Study, passage: Passage) -> None:
    record(session, make_system(session, study, scenarios=[128]), passage)

    assert [comparison.scenario for comparison in comparisons(session)] == [128]


def test_a_repeated_job_doubles_nothing(session: Session, study: Study, passage: Passage) -> None:
    system = make_system(session, study)
    record(session, system, passage)

    assert not record(session, system, passage, given=written(sample_text(4)))

    assert len(comparisons(session)) == 2
    assert session.scalars(select(Continuation.text)).all() == [written().text]


def test_systems_that_show_the_same_text_share_the_comparison(session: Session, study: Study, passage: Passage) -> None:
    first, second, third = (make_system(session, study) for _ in range(3))
    record(session, first, passage)
    record(session, second, passage)
    record(session, third, passage, given=written(sample_text(4)))

    assert len(comparisons(session)) == 4
    assert len(session.scalars(select(Candidacy)).all()) == 6


def test_equal_beginnings_share_the_short_comparison_only(session: Session, study: Study, passage: Passage) -> None:
    same, other = sample_text(9), sample_text(4)
    ids = REFERENCE.encode(" " + same).ids[:150] + REFERENCE.encode(" " + other).ids[:74]
    record(session, make_system(session, study), passage)
    record(session, make_system(session, study), passage, given=Written(ids, REFERENCE.decode(ids), None, "test"))

    assert [comparison.scenario for comparison in comparisons(session)] == [128, 256, 256]


def test_recall_of_the_original_is_counted_and_never_shown(session: Session, study: Study, passage: Passage) -> None:
    system = make_system(session, study)
    token_ids = passage.token_ids[32:]

    record(session, system, passage, given=Written(token_ids, passage.original, None, "test"))

    assert comparisons(session) == []
    assert session.scalars(select(Candidacy.comparison_id)).all() == [None, None]


def test_ttr_is_over_the_windows_of_the_scenarios(session: Session, study: Study, passage: Passage) -> None:
    # Tokens 1-96 are all different, 97-128 all the same, 129-224 two alternating: 96/96 and 2/96.
    token_ids = [*range(1, 97), *([7] * 32), *([8, 9] * 48)]
    record(session, make_system(session, study), passage, given=Written(token_ids, written().text, 5, "test"))

    kept = session.scalars(select(Continuation)).one()
    assert (kept.ttr_128, kept.ttr_256, kept.eos_position) == (1.0, pytest.approx(2 / 96), 5)


def test_another_tokenizers_text_is_counted_in_reference_tokens(
    session: Session, study: Study, passage: Passage
) -> None:
    given = Written([5] * 400, written(sample_text(9)).text + " and so on", None, "test")

    record(session, make_system(session, study), passage, given=given, own=False)

    # The 400 own ids are all the same; the text is not.
    assert session.scalars(select(Continuation.ttr_128)).one() > 0.2


def test_a_text_below_the_study_length_is_refused(session: Session, study: Study, passage: Passage) -> None:
    given = Written([5] * 400, " too short", None, "test")

    with pytest.raises(ContinuationTooShortError, match="224 are compared"):
        record(session, make_system(session, study), passage, given=given, own=False)

    assert session.scalars(select(Continuation)).all() == []


def test_a_zero_byte_in_a_text_is_kept_from_the_database(session: Session, study: Study, passage: Passage) -> None:
    given = written()._replace(text="\x00" + written().text)

    assert record(session, make_system(session, study), passage, given=given)


def test_numbers_are_dense_from_one_on(session: Session, study: Study) -> None:
    system = make_system(session, study)
    for number in range(3):
        record(session, system, real_passage(session, study, number))
        assert release(session, study) == 2

    assert sorted(c.number or 0 for c in comparisons(session)) == [1, 2, 3, 4, 5, 6]
    assert study.comparisons == 6
    assert release(session, study) == 0


def test_a_complete_release_waits_for_every_system(session: Session, passage: Passage) -> None:
    study = session.get_one(Study, passage.study_id)
    study.release = Release.COMPLETE
    first, second = make_system(session, study), make_system(session, study)

    record(session, first, passage)
    assert release(session, study) == 0

    record(session, second, passage, given=written(sample_text(4)))
    assert release(session, study) == 4


def test_a_system_that_joins_later_takes_nothing_back(session: Session, study: Study, passage: Passage) -> None:
    study.release = Release.COMPLETE
    record(session, make_system(session, study), passage)
    release(session, study)

    later = make_system(session, study)
    assert release(session, study) == 0
    record(session, later, passage)
    release(session, study)

    # the same text: still the two comparisons from before, with their numbers
    assert [comparison.number for comparison in comparisons(session)] == [1, 2]


def test_a_passage_that_was_rejected_meanwhile_is_not_released(
    session: Session, study: Study, passage: Passage
) -> None:
    record(session, make_system(session, study), passage)
    passage.state = PassageState.REJECTED
    session.flush()

    assert release(session, study) == 0


def test_new_numbers_follow_those_given_before(session: Session, study: Study, passage: Passage) -> None:
    make_comparison(session, passage)

    record(session, make_system(session, study), passage)
    release(session, study)

    assert sorted(comparison.number or 0 for comparison in comparisons(session)) == [1, 2, 3]


def test_both_sides_are_cut_to_the_same_length(session: Session, passage: Passage) -> None:
    longer = written(sample_text(9)).text + " and it goes on for many more words than anybody compares."

    sides = shown_sides(passage, longer, scenario=256, reference=REFERENCE)

    assert "than anybody" not in sides.candidate


def test_what_nobody_judges_is_kept_without_a_comparison(session: Session, study: Study, passage: Passage) -> None:
    passage.unjudged = True

    assert record(session, make_system(session, study), passage)

    assert session.scalars(select(Continuation.ttr_256)).one() > 0
    assert comparisons(session) == []
    assert session.scalars(select(Candidacy)).all() == []
    assert release(session, study) == 0
