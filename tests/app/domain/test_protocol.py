"""A study's protocol: what it holds, what has no place in it, and the copy that opening locks."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.protocol import (
    StoppingRule,
    contrasts,
    departures,
    lock_protocol,
    locked_protocol,
    protocol_hash,
    read_stopping,
    set_contrasts,
    set_stopping,
    stopping_rule,
    study_protocol,
)
from app.domain.rules import change_rules
from app.domain.studies import move_study
from app.domain.taking_part import change_guidelines
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import Contrast, Study
from app.models.protocol import Stopping
from app.models.study import StudyState, Withdrawal
from tests.factories import make_dataset, make_passage, make_study, make_system

EVENING = datetime(2026, 12, 1, 18, tzinfo=UTC)


@pytest.fixture
def draft(session: Session) -> Study:
    """A draft that could be opened, with three systems."""
    study = make_study(session, state=StudyState.DRAFT)
    make_passage(session, make_dataset(session, study, name="fiction"))
    for name in ("base", "sharp", "tuned"):
        make_system(session, study, name=name)
    return study


def test_equal_protocols_have_one_hash_whatever_their_order() -> None:
    assert protocol_hash({"a": [1, 2], "b": "ü"}) == protocol_hash({"b": "ü", "a": [1, 2]})
    assert protocol_hash({"a": [2, 1], "b": "ü"}) != protocol_hash({"b": "ü", "a": [1, 2]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        protocol_hash({"a": float("nan")})


def test_the_hash_is_sha256_of_canonical_json() -> None:
    # printf '{"a":1,"b":"\xc3\xbc"}' | sha256sum
    assert protocol_hash({"b": "ü", "a": 1}) == "1a59e522e02ce50ad2c27c11a6d30f8667489c199580627fe9e3e33e2b0e91d5"


def test_a_protocol_holds_what_decides_results(session: Session, draft: Study) -> None:
    set_contrasts(session, draft, [("sharp", "base"), ("tuned", "base")])
    set_stopping(session, draft, StoppingRule(Stopping.ANNOTATIONS, after=1800))
    change_rules(session, draft, {"withdrawal": Withdrawal.KEEP, "min_gold_accuracy": 0.7})
    protocol = study_protocol(session, draft)
    assert protocol["contrasts"] == [["sharp", "base"], ["tuned", "base"]]
    assert protocol["stopping"] == {"when": "annotations", "at": None, "after": 1800}
    assert protocol["exclusion"] == {
        "withdrawal": "keep",
        "min_gold_accuracy": 0.7,
        "min_self_consistency": None,
        "min_reading_ms": None,
    }
    assert "withdrawal" not in protocol["rules"]
    assert [system["name"] for system in protocol["systems"]] == ["base", "sharp", "tuned"]
    assert protocol["datasets"] == ["fiction"]


@pytest.mark.parametrize(
    "change",
    [
        lambda session, study: set_contrasts(session, study, [("sharp", "base")]),
        lambda session, study: set_stopping(session, study, StoppingRule(Stopping.DATE, at=EVENING)),
        lambda session, study: change_rules(session, study, {"gold_share": 0.1}),
        lambda session, study: change_guidelines(session, study, "Read twice."),
        lambda session, study: make_system(session, study, name="another"),
        lambda session, study: make_dataset(session, study, name="another"),
        lambda session, study: setattr(study, "seed", 9),
    ],
)
def test_each_decision_moves_the_hash(session: Session, draft: Study, change: object) -> None:
    before = protocol_hash(study_protocol(session, draft))
    change(session, draft)  # type: ignore[operator]
    assert protocol_hash(study_protocol(session, draft)) != before


def test_what_people_do_does_not_move_the_hash(session: Session, draft: Study) -> None:
    before = protocol_hash(study_protocol(session, draft))
    draft.title, draft.hourly_rate = "Another title", 12.0
    move_study(session, draft, StudyState.OPEN)
    move_study(session, draft, StudyState.CLOSED)
    assert protocol_hash(study_protocol(session, draft)) == before


def test_contrasts_keep_their_order_and_replace_each_other(session: Session, draft: Study) -> None:
    set_contrasts(session, draft, [("tuned", "base"), ("sharp", "base")])
    set_contrasts(session, draft, [("tuned", "sharp"), ("base", "tuned")])
    assert contrasts(session, draft) == [("tuned", "sharp"), ("base", "tuned")]
    set_contrasts(session, draft, [])
    assert contrasts(session, draft) == []


@pytest.mark.parametrize(
    ("pairs", "error", "reason"),
    [
        ([("sharp", "sharp")], ToprankError, "cannot be compared with itself"),
        ([("sharp", "base"), ("base", "sharp")], ToprankError, "named once"),
        ([("sharp", "blunt")], NotFoundError, r"no system 'blunt' \(systems: base, sharp, tuned\)"),
    ],
)
def test_contrasts_that_make_no_sense_are_refused(
    session: Session, draft: Study, pairs: list[tuple[str, str]], error: type[ToprankError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        set_contrasts(session, draft, pairs)


def test_a_contrast_is_of_the_study_s_own_systems(session: Session, draft: Study) -> None:
    other = make_system(session, make_study(session))
    mine = make_system(session, draft)
    session.add(Contrast(study_id=draft.id, system_id=mine.id, against_id=other.id, position=1))
    with pytest.raises(IntegrityError, match="fk_contrast"):
        session.flush()


def test_a_stopping_rule_is_read_from_words() -> None:
    assert read_stopping("quota") == StoppingRule()
    assert read_stopping("1800") == StoppingRule(Stopping.ANNOTATIONS, after=1800)
    assert read_stopping("2026-12-01T18:00+00:00") == StoppingRule(Stopping.DATE, at=EVENING)
    with pytest.raises(ToprankError, match="'soon' is none of them"):
        read_stopping("soon")


def test_a_stopping_rule_is_kept(session: Session, draft: Study) -> None:
    for rule in (StoppingRule(Stopping.DATE, at=EVENING), StoppingRule(Stopping.ANNOTATIONS, after=5), StoppingRule()):
        set_stopping(session, draft, rule)
        session.refresh(draft)
        assert stopping_rule(draft) == rule


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (StoppingRule(Stopping.DATE), "needs the date"),
        (StoppingRule(Stopping.QUOTA, at=EVENING), "needs the date"),
        (StoppingRule(Stopping.ANNOTATIONS), "needs the number"),
        (StoppingRule(Stopping.QUOTA, after=3), "needs the number"),
        (StoppingRule(Stopping.ANNOTATIONS, after=0), "cannot stop after 0"),
        (StoppingRule(Stopping.DATE, at=datetime(2026, 12, 1)), "needs its time zone"),  # noqa: DTZ001 as people write
    ],
)
def test_a_stopping_rule_that_makes_no_sense_is_refused(
    session: Session, draft: Study, rule: StoppingRule, reason: str
) -> None:
    with pytest.raises(ToprankError, match=reason):
        set_stopping(session, draft, rule)


def test_the_database_refuses_half_a_stopping_rule(session: Session, draft: Study) -> None:
    draft.stopping = Stopping.DATE
    with pytest.raises(IntegrityError, match="stopping_complete"):
        session.flush()


def test_opening_locks_the_protocol_once(session: Session, draft: Study) -> None:
    assert locked_protocol(session, draft) is None
    move_study(session, draft, StudyState.OPEN)
    locked = locked_protocol(session, draft)
    assert locked is not None
    assert locked.sha256 == protocol_hash(locked.content) == protocol_hash(study_protocol(session, draft))
    change_guidelines(session, draft, "Read twice.")
    move_study(session, draft, StudyState.PAUSED)
    move_study(session, draft, StudyState.OPEN)
    assert lock_protocol(session, draft) is locked
    assert departures(locked, study_protocol(session, draft)) == ["guidelines_sha256", "guidelines_version"]


def test_what_is_locked_survives_the_database_to_the_hash(session: Session, draft: Study) -> None:
    locked = lock_protocol(session, draft)
    session.refresh(locked)
    assert protocol_hash(locked.content) == locked.sha256
    assert departures(locked, study_protocol(session, draft)) == []


def test_an_open_study_changes_neither_contrasts_nor_stopping(session: Session, draft: Study) -> None:
    move_study(session, draft, StudyState.OPEN)
    with pytest.raises(ConflictError, match="opening it locked its protocol"):
        set_contrasts(session, draft, [("sharp", "base")])
    with pytest.raises(ConflictError, match="opening it locked its protocol"):
        set_stopping(session, draft, StoppingRule())
