"""Studies from draft to closed, and what is refused on the way."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.domain.studies import (
    StudyPlan,
    all_studies,
    create_study,
    find_dataset,
    find_study,
    move_study,
    read_tokenizer,
    reference_tokenizer,
)
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models.study import StudyState
from tests.factories import make_dataset, make_passage, make_study, make_system
from tests.tiny_model import tiny_tokenizer_json

PLAN = StudyPlan("first", "The first", tiny_tokenizer_json(), ("wikipedia", "fan_fiction"))


def test_a_study_begins_as_a_draft_with_its_datasets_and_tokenizer(session: Session) -> None:
    study = create_study(session, PLAN)

    assert (study.state, study.quota, study.hourly_rate) == (StudyState.DRAFT, 3, 10.0)
    assert find_study(session, "first") is study
    assert find_dataset(session, study, "fan_fiction").name == "fan_fiction"
    assert reference_tokenizer(session, study).tokenizer_json == tiny_tokenizer_json()


def test_two_studies_share_a_tokenizer(session: Session) -> None:
    first, second = create_study(session, PLAN), create_study(session, replace(PLAN, slug="second"))
    assert first.reference_tokens_sha256 == second.reference_tokens_sha256
    assert all_studies(session)[:2] == [second, first]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"slug": "Not Plain"}, "small letters, digits and hyphens"),
        ({"slug": "x" * 64}, "at most 63"),
        ({"datasets": ()}, "at least one dataset"),
        ({"datasets": ("a", "a")}, "cannot have the same name"),
        ({"datasets": ("News!",)}, "'News!' is none"),
        *(({"title": title}, "1 to 200 characters on one line") for title in ("", " \t", "a\x00b", "a\nb", "x" * 201)),
        ({"guidelines": " \n"}, "guidelines are empty"),
        ({"guidelines": "x" * 100_001}, "at most 100,000 are kept"),
        ({"seed": 2**63}, "fits 64 bits"),
        ({"quota": 0}, "between 1 and 99"),
        ({"quota": 100}, "between 1 and 99"),
        ({"hourly_rate": float("nan")}, "The hourly rate is nan"),
        ({"hourly_rate": -1.0}, "between 0 and a million"),
        ({"hourly_rate": 3.125}, "at most two digits"),
        ({"tokenizer_json": b"nonsense"}, "tokenizer.json cannot be read"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(session: Session, change: dict[str, object], reason: str) -> None:
    with pytest.raises(ToprankError, match=reason):
        create_study(session, replace(PLAN, **change))


def test_a_name_is_given_once(session: Session) -> None:
    create_study(session, PLAN)
    with pytest.raises(ConflictError, match="choose another name"):
        create_study(session, PLAN)


def test_an_unknown_name_says_which_there_are(session: Session) -> None:
    study = create_study(session, PLAN)
    with pytest.raises(NotFoundError, match=r"no study 'second' \(studies: .*first.*\)"):
        find_study(session, "second")
    with pytest.raises(NotFoundError, match=r"no dataset 'news' \(datasets: wikipedia, fan_fiction\)"):
        find_dataset(session, study, "news")


def test_a_study_opens_pauses_and_closes(session: Session) -> None:
    study = make_study(session, state=StudyState.DRAFT)
    make_passage(session, make_dataset(session, study))
    make_system(session, study)

    move_study(session, study, StudyState.OPEN)
    opened_at = study.opened_at
    assert opened_at is not None
    move_study(session, study, StudyState.PAUSED)
    move_study(session, study, StudyState.OPEN)
    assert study.opened_at == opened_at
    move_study(session, study, StudyState.CLOSED)
    assert study.closed_at is not None
    with pytest.raises(ConflictError, match="is closed; it cannot become open"):
        move_study(session, study, StudyState.OPEN)


def test_a_study_opens_with_passages_and_systems_only(session: Session) -> None:
    study = make_study(session, state=StudyState.DRAFT)
    with pytest.raises(ConflictError, match="no accepted passage yet"):
        move_study(session, study, StudyState.OPEN)
    make_passage(session, make_dataset(session, study))
    with pytest.raises(ConflictError, match="no system yet"):
        move_study(session, study, StudyState.OPEN)


def test_a_tokenizer_is_read_from_a_file_or_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_bytes(tiny_tokenizer_json())
    assert read_tokenizer(file) == read_tokenizer(tmp_path) == tiny_tokenizer_json()
    with pytest.raises(ToprankError, match="There is no tokenizer at"):
        read_tokenizer(tmp_path / "nowhere")
