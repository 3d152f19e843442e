"""Gold comparisons: a plain fault on one side, on passages that serve nothing else."""

from collections import Counter

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.gold import NotEnoughPassagesError, make_gold
from app.domain.shown_text import normalised
from app.errors import ConflictError, ToprankError
from app.models import Comparison, Passage, ReferenceTokens, Study
from app.models.comparison import Kind
from app.models.passage import PassageState
from app.models.study import StudyState
from tests.app.domain.test_continuations import real_passage
from tests.factories import make_continuation, make_study, make_system
from tests.tiny_model import tiny_tokenizer_json


@pytest.fixture
def study(session: Session) -> Study:
    """A study whose tokenizer is real, with twelve accepted passages and a system in both scenarios."""
    made = make_study(session, seed=3, state=StudyState.DRAFT)
    tokens = session.get_one(ReferenceTokens, made.reference_tokens_sha256)
    tokens.tokenizer_json = tiny_tokenizer_json()
    make_system(session, made)
    for number in range(12):
        real_passage(session, made, number)
    return made


def gold(session: Session) -> list[Comparison]:
    return list(session.scalars(select(Comparison).where(Comparison.kind == Kind.GOLD).order_by(Comparison.id)))


def test_half_of_the_gold_is_shuffled_and_half_is_another_text(session: Session, study: Study) -> None:
    assert make_gold(session, study, 4) == 4
    passages = {passage.id: passage for passage in session.scalars(select(Passage))}
    shuffled, foreign = gold(session)[0::2], gold(session)[1::2]
    for one in shuffled:
        assert one.candidate_text != one.reference_text
        assert Counter(one.candidate_text.split()) == Counter(one.reference_text.split())
    for one in foreign:
        donors = [
            donor
            for donor in passages.values()
            if donor.id != one.passage_id and normalised(donor.original).startswith(one.candidate_text[:40])
        ]
        assert len(donors) == 1
        assert donors[0].state == PassageState.RESERVED
    for one in shuffled + foreign:
        assert normalised(passages[one.passage_id].original).startswith(one.reference_text[:40])


def test_gold_has_both_scenarios_for_both_faults_and_is_never_released(session: Session, study: Study) -> None:
    make_gold(session, study, 4)
    assert [one.scenario for one in gold(session)] == [128, 128, 256, 256]
    assert {(one.number, one.taken, one.quota) for one in gold(session)} == {(None, 0, study.quota)}


def test_the_passages_are_reserved_and_each_serves_one_comparison(session: Session, study: Study) -> None:
    make_gold(session, study, 4)
    reserved = select(Passage.id).where(Passage.state == PassageState.RESERVED)
    # one each, and a donor for each of the two foreign texts
    assert len(session.scalars(reserved).all()) == 6
    assert len({one.passage_id for one in gold(session)}) == 4


def test_more_gold_can_be_made_later(session: Session, study: Study) -> None:
    make_gold(session, study, 3)
    assert make_gold(session, study, 3) == 6


def test_a_passage_that_a_system_wrote_for_stays_in_the_study(session: Session, study: Study) -> None:
    system = make_system(session, study)
    for passage in session.scalars(select(Passage)).all()[:10]:
        make_continuation(session, system, passage)
    with pytest.raises(NotEnoughPassagesError, match="has 2 accepted passages that no system wrote for; this needs 3"):
        make_gold(session, study, 2)
    assert make_gold(session, study, 1) == 1


def test_no_gold_at_all_is_refused(session: Session, study: Study) -> None:
    with pytest.raises(ToprankError, match="ask for 1 or more"):
        make_gold(session, study, 0)


def test_a_text_of_few_words_makes_no_gold(session: Session, study: Study) -> None:
    for passage in session.scalars(select(Passage)):
        passage.original = " too short."
    with pytest.raises(ToprankError, match="too short for gold: 2 words"):
        make_gold(session, study, 1)


def test_what_nobody_judges_is_no_gold(session: Session) -> None:
    study = make_study(session, state=StudyState.DRAFT)
    session.get_one(ReferenceTokens, study.reference_tokens_sha256).tokenizer_json = tiny_tokenizer_json()
    for number in range(4):
        real_passage(session, study, number).unjudged = True
    session.flush()

    with pytest.raises(NotEnoughPassagesError, match="has 0 accepted passages"):
        make_gold(session, study, 2)


def test_gold_is_made_before_a_study_opens(session: Session, study: Study) -> None:
    study.state = StudyState.OPEN
    with pytest.raises(ConflictError, match="made before it opens"):
        make_gold(session, study, 1)
