"""A study's rules: changed while it is a draft, locked with its protocol."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.rules import change_rules, rules_of
from app.errors import ConflictError, ToprankError
from app.models.study import StudyState, Withdrawal
from tests.factories import make_study


def test_a_drafts_rules_can_be_changed_one_by_one(session: Session) -> None:
    study = make_study(session, state=StudyState.DRAFT)
    change_rules(session, study, {"gold_share": 0.05, "min_gold_accuracy": 0.8})
    rules = change_rules(session, study, {"withdrawal": Withdrawal.KEEP, "min_gold_accuracy": None})
    assert (rules.gold_share, rules.min_gold_accuracy, rules.withdrawal) == (0.05, None, Withdrawal.KEEP)
    assert rules == rules_of(study)


@pytest.mark.parametrize("state", [StudyState.OPEN, StudyState.PAUSED, StudyState.CLOSED])
def test_opening_a_study_locks_its_rules(session: Session, state: StudyState) -> None:
    study = make_study(session, state=state)
    with pytest.raises(ConflictError, match="part of the protocol"):
        change_rules(session, study, {"withdrawal": Withdrawal.KEEP})
    assert change_rules(session, study, {}).withdrawal == Withdrawal.REPLACE


@pytest.mark.parametrize(
    "changes",
    [
        {"gold_share": 0.6},
        {"gold_share": -0.1},
        {"max_share": 0.0},
        {"max_exposures": 0},
        {"min_gold_accuracy": 1.5},
        {"min_reading_ms": 0},
        {"gold_share": 0.3, "repeat_share": 0.3},
    ],
)
def test_rules_that_make_no_sense_are_refused(session: Session, changes: dict[str, float]) -> None:
    with pytest.raises(ToprankError):
        change_rules(session, make_study(session, state=StudyState.DRAFT), changes)


def test_the_schema_refuses_a_study_of_checks_alone(session: Session) -> None:
    with pytest.raises(IntegrityError, match="most_is_study"):
        make_study(session, gold_share=0.4, repeat_share=0.4)
