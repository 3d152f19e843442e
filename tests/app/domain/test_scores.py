"""Perplexity, sharpness and top choices, from what checkpoints predicted."""

import math

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.scores import Alternative, predictions, score_summaries, top_choices
from app.errors import NotFoundError
from app.models import Passage, ReferenceTokens, Study
from app.models.passage import PassageState
from tests.factories import make_checkpoint, make_dataset, make_passage, make_score, make_study
from tests.generation.pool import REFERENCE

THREE_VALUES = {
    "log_probs": [-1.0] * 3,
    "entropies": [1.0] * 3,
    "top_ids": [[1, 2, 3, 4, 5]] * 3,
    "top_probs": [[0.2] * 5] * 3,
}


def make_passages(session: Session, count: int, **columns: object) -> list[Passage]:
    dataset = make_dataset(session, make_study(session))
    return [make_passage(session, dataset, **columns) for _ in range(count)]


def study_of(session: Session, passage: Passage) -> Study:
    return session.get_one(Study, passage.study_id)


def test_perplexity_is_pooled_over_tokens_and_given_as_a_mean_beside(session: Session) -> None:
    long, short = make_passages(session, 2)
    checkpoint = make_checkpoint(session)
    make_score(session, checkpoint, long, context_nll=9 * math.log(2), context_predicted=9, context_bytes=30)
    make_score(session, checkpoint, short, context_nll=math.log(16), context_predicted=1, context_bytes=10)

    per_dataset, overall = score_summaries(session, study_of(session, long))

    # 9 tokens at ln 2 and one at 4 ln 2: 13 ln 2 over 10 tokens -> 2 ** 1.3
    assert per_dataset.perplexity == pytest.approx(2**1.3)
    # (2 + 16) / 2
    assert per_dataset.mean_perplexity == pytest.approx(9)
    # 13 bits over 40 bytes
    assert per_dataset.bits_per_byte == pytest.approx(13 / 40)
    assert (overall.dataset, overall.passages, overall.perplexity) == (None, 2, per_dataset.perplexity)


def test_sharpness_weighs_every_position_alike(session: Session) -> None:
    long, short = make_passages(session, 2)
    checkpoint = make_checkpoint(session)
    make_score(session, checkpoint, long, token_ids=list(range(10)), entropy=1.0, top1_mass=0.2)  # 9 positions
    make_score(session, checkpoint, short, token_ids=[1, 2], entropy=2.0, top1_mass=0.7)  # 1 position

    summary = score_summaries(session, study_of(session, long))[0]

    assert summary.entropy == pytest.approx(1.1)
    assert summary.top1_mass == pytest.approx(0.25)
    assert (summary.top3_mass, summary.top5_mass) == pytest.approx((0.9, 1.0))


def test_each_dataset_has_its_row_and_the_checkpoint_one_over_all(session: Session) -> None:
    study = make_study(session)
    news = make_passage(session, make_dataset(session, study, name="news"))
    fiction = make_passage(session, make_dataset(session, study, name="fiction"))
    first, second = make_checkpoint(session, name="first"), make_checkpoint(session, name="second")
    for checkpoint in (first, second):
        for passage in (news, fiction):
            make_score(session, checkpoint, passage)

    found = [(one.checkpoint, one.dataset, one.passages) for one in score_summaries(session, study)]

    assert found == [
        ("first", "news", 1),
        ("first", "fiction", 1),
        ("first", None, 2),
        ("second", "news", 1),
        ("second", "fiction", 1),
        ("second", None, 2),
    ]


@pytest.mark.parametrize("columns", [{"state": PassageState.REJECTED}, {"unjudged": True}])
def test_only_passages_that_are_judged_count(session: Session, columns: dict[str, object]) -> None:
    left_out = make_passages(session, 1, **columns)[0]
    make_score(session, make_checkpoint(session), left_out)

    assert score_summaries(session, study_of(session, left_out)) == []
    assert top_choices(session, study_of(session, left_out)) == []


def test_top_choices_are_the_likeliest_of_each_position(session: Session) -> None:
    one, other = make_passages(session, 2)
    checkpoint = make_checkpoint(session, name="sharp")
    make_score(session, checkpoint, one)
    make_score(session, checkpoint, other, token_ids=[1, 2, 3], top_ids=[[4, 1, 2, 3, 5], [6, 1, 2, 3, 5]])

    (choices,) = top_choices(session, study_of(session, one))

    assert (choices.checkpoint, choices.by_passage) == ("sharp", {one.id: [7, 7, 7], other.id: [4, 6]})


def test_a_passage_is_scored_once_by_a_checkpoint(session: Session) -> None:
    (passage,) = make_passages(session, 1)
    checkpoint = make_checkpoint(session)
    make_score(session, checkpoint, passage)

    with pytest.raises(IntegrityError, match="uq_score_checkpoint_id_passage_id"):
        make_score(session, checkpoint, passage)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"log_probs": [-1.0]}, "one_value_each"),
        ({"top_ids": [[1, 2, 3, 4]] * 3}, "five_alternatives_each"),
        ({"token_ids": [1, 2, 3, 4, 5], "predicted": 3, **THREE_VALUES}, "predicts_its_text"),
    ],
)
def test_the_database_refuses_arrays_that_do_not_fit(
    session: Session, columns: dict[str, object], constraint: str
) -> None:
    (passage,) = make_passages(session, 1)

    with pytest.raises(IntegrityError, match=constraint):
        make_score(session, make_checkpoint(session), passage, **columns)


def test_predictions_read_as_texts_with_their_alternatives(session: Session) -> None:
    (passage,) = make_passages(session, 1)
    session.add(ReferenceTokens(sha256=REFERENCE.sha256, name="tiny", tokenizer_json=REFERENCE.tokenizer_json))
    session.flush()
    ids = REFERENCE.encode("The old house").ids
    top = REFERENCE.encode(" ? . ! ,").ids[:5]
    predicted = len(ids) - 1
    checkpoint = make_checkpoint(session)
    make_score(
        session,
        checkpoint,
        passage,
        tokenizer_sha256=REFERENCE.sha256,
        token_ids=ids,
        top_ids=[top] * predicted,
        log_probs=[math.log(0.25)] * predicted,
    )
    session.expire_all()

    all_of_it = predictions(session, checkpoint_id=checkpoint.id, passage_id=passage.id)

    first_token = REFERENCE.decode(ids[:1])
    assert first_token + "".join(one.text for one in all_of_it) == "The old house"
    assert all_of_it[0].probability == pytest.approx(0.25)
    assert all_of_it[0].entropy == pytest.approx(math.log(2))
    assert all_of_it[-1].alternatives[0] == Alternative(REFERENCE.decode(top[:1]), pytest.approx(0.5))
    assert predictions(session, checkpoint_id=checkpoint.id, passage_id=passage.id, first=1, last=2) == all_of_it[1:2]


def test_what_is_not_scored_yet_says_how_to_score_it(session: Session) -> None:
    (passage,) = make_passages(session, 1)

    with pytest.raises(NotFoundError, match="toprank score"):
        predictions(session, checkpoint_id=1, passage_id=passage.id)


def test_an_empty_study_has_no_scores(session: Session) -> None:
    assert score_summaries(session, make_study(session)) == []
