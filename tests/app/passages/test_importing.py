"""Texts become passages, each once; what is left out is counted."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import ConflictError
from app.models import Dataset, Passage
from app.models.passage import PassageState
from app.models.study import StudyState
from app.passages.importing import import_passages
from app.texts.source_text import SourceText
from tests.factories import make_dataset, make_study
from tests.generation.pool import REFERENCE
from tests.tiny_model import sample_text

TEXTS = [SourceText(sample_text(number), number + 1, f"chapter {number}") for number in range(3)]


@pytest.fixture
def dataset(session: Session) -> Dataset:
    study = make_study(session)
    made = make_dataset(session, study)
    made.study = study
    return made


def passages(session: Session) -> list[Passage]:
    return list(session.scalars(select(Passage).order_by(Passage.id)))


def test_a_passage_is_exactly_256_tokens_in_two_texts_that_join(session: Session, dataset: Dataset) -> None:
    report = import_passages(session, dataset, TEXTS, REFERENCE)

    assert (report.read, report.imported) == (3, 3)
    for passage, text in zip(passages(session), TEXTS, strict=True):
        assert len(passage.token_ids) == 256
        assert passage.context + passage.original in text.text
        assert REFERENCE.encode(passage.context).ids == passage.token_ids[:32]
        assert (passage.state, passage.source) == (PassageState.PENDING, text.source)


def test_importing_again_changes_nothing(session: Session, dataset: Dataset) -> None:
    import_passages(session, dataset, TEXTS, REFERENCE, accept=True)
    before = [(one.id, one.state) for one in passages(session)]

    report = import_passages(session, dataset, TEXTS, REFERENCE)

    assert (report.imported, report.already_there) == (0, 3)
    assert [(one.id, one.state) for one in passages(session)] == before


def test_short_texts_are_counted_with_their_lines(session: Session, dataset: Dataset) -> None:
    report = import_passages(session, dataset, [SourceText("Too short.", 7), TEXTS[0], SourceText("", 9)], REFERENCE)

    assert (report.read, report.imported, report.too_short) == (3, 1, 2)
    assert report.lines == {"too_short": [7, 9]}


def test_a_text_that_only_parts_words_is_counted(session: Session, dataset: Dataset) -> None:
    # one word without end: whatever it begins with, a context would end inside it
    report = import_passages(session, dataset, [SourceText("xyz" * 600, 4)], REFERENCE)

    assert (report.without_a_cut, report.lines) == (1, {"without_a_cut": [4]})


def test_a_closed_study_takes_no_more(session: Session, dataset: Dataset) -> None:
    dataset.study.state = StudyState.CLOSED
    with pytest.raises(ConflictError, match="is closed"):
        import_passages(session, dataset, TEXTS, REFERENCE)


def test_unjudged_passages_wait_for_nobody(session: Session, dataset: Dataset) -> None:
    import_passages(session, dataset, TEXTS, REFERENCE, unjudged=True)

    assert {(one.state, one.unjudged) for one in passages(session)} == {(PassageState.ACCEPTED, True)}
