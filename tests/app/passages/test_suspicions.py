"""Automatic checks of passages: what they find, and what they leave alone."""

import pytest
from sqlalchemy.orm import Session

from app.domain.systems import TrainingPlan
from app.models import Study, TrainingTexts
from app.models.passage import PassageState
from app.passages.suspicions import check_passages, is_boilerplate, is_not_english, is_repetitive, words_of
from tests.factories import make_dataset, make_passage, make_study, make_system

PROSE = (
    "The harbour was quiet when she came down to it, and the boats that had been out all night were lying against the "
    "wall with their nets in heaps. Nobody spoke to her. An old man looked up from his knife and then down again, as "
    "if he had seen her there every morning of his life and would see her there on every one that was left to him."
)
GERMAN = "Der Hafen war still, als sie hinunterkam, und die Boote lagen an der Mauer mit ihren Netzen in Haufen."


@pytest.mark.parametrize(
    "text",
    [
        "Copyright © 1998",
        "All rights reserved.",
        "see https://lab.example",
        "Click here to read on",
        "ISBN 3-16-148410-0",
    ],
)
def test_pages_around_a_text_are_boilerplate(text: str) -> None:
    assert is_boilerplate(f"{PROSE} {text}")


def test_prose_is_left_alone() -> None:
    words = words_of(PROSE)
    assert not is_boilerplate(PROSE)
    assert not is_repetitive(words)
    assert not is_not_english(words)


def test_a_text_that_says_the_same_again_is_repetitive() -> None:
    assert is_repetitive(words_of("She said no and went. " * 6))
    # 8 runs of four words, 2 of them a second time: 2 / 10 is not above a fifth
    assert not is_repetitive(["a", "b", "c", "d", "e", "f", "g", "h", "a", "b", "c", "d", "e"])
    # one word fewer before the repetition: 2 / 9 is
    assert is_repetitive(["a", "b", "c", "d", "e", "f", "g", "a", "b", "c", "d", "e"])
    assert not is_repetitive(["one", "two"])


def test_other_languages_and_numbers_are_not_english() -> None:
    assert is_not_english(words_of(GERMAN))
    assert is_not_english(words_of("12 34 56"))


@pytest.fixture
def study(session: Session) -> Study:
    return make_study(session)


def pending(session: Session, study: Study, text: str, **columns: object) -> object:
    dataset = make_dataset(session, study)
    return make_passage(session, dataset, context="", original=text, state=PassageState.PENDING, **columns)


def test_what_waits_is_checked_once_unless_asked_again(session: Session, study: Study) -> None:
    passage = pending(session, study, GERMAN)
    assert check_passages(session, study) == 1
    assert passage.suspicions == ["not_english"]  # type: ignore[attr-defined]
    assert check_passages(session, study) == 0
    assert check_passages(session, study, again=True) == 1


def test_a_near_duplicate_names_the_other(session: Session, study: Study) -> None:
    kept = make_passage(session, make_dataset(session, study), context="", original=PROSE)
    make_passage(session, make_dataset(session, study), context="", original=PROSE, state=PassageState.REJECTED)
    make_passage(session, make_dataset(session, make_study(session)), context="", original=PROSE)
    passage = pending(session, study, PROSE.replace("old man", "young woman").replace("quiet", "loud"))
    check_passages(session, study)
    assert passage.suspicions == [f"near_duplicate:{kept.id}"]  # type: ignore[attr-defined]


def test_what_a_system_may_not_repeat_is_named(session: Session, study: Study) -> None:
    passage = pending(session, study, PROSE)
    check_passages(session, study)
    assert passage.suspicions == []  # type: ignore[attr-defined]
    plan = TrainingPlan("training.jsonl", (f"Before. {PROSE[:150].upper()}",))
    session.add(TrainingTexts(sha256=plan.sha256, name=plan.name, texts=list(plan.texts)))
    session.flush()
    make_system(session, study, block_citations=True, training_texts_sha256=plan.sha256)
    check_passages(session, study, again=True)
    assert passage.suspicions == ["training_overlap"]  # type: ignore[attr-defined]
