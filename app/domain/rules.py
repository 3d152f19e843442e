"""What a study asks of its annotators: rates of checks, thresholds, caps and what a withdrawal means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.errors import ConflictError, ToprankError
from app.models import Study
from app.models.study import StudyState, Withdrawal

# Lowest and highest value of each rule that is a number.
RANGES: Mapping[str, tuple[float, float]] = {
    "gold_share": (0, 0.5),
    "repeat_share": (0, 0.5),
    "max_share": (0.000001, 1),
    "max_exposures": (1, 32767),
    "exposure_gap": (0, 32767),
    "min_gold_accuracy": (0, 1),
    "min_self_consistency": (0, 1),
    "min_reading_ms": (1, 86_400_000),
}
# Those that pause people, and may be without a value.
THRESHOLDS = ("min_gold_accuracy", "min_self_consistency", "min_reading_ms")


@dataclass(frozen=True)
class Rules:
    """A study's rules as plain values; they are part of its protocol. A threshold of None pauses nobody."""

    gold_share: float
    repeat_share: float
    max_share: float
    max_exposures: int
    exposure_gap: int
    min_gold_accuracy: float | None
    min_self_consistency: float | None
    min_reading_ms: int | None
    withdrawal: Withdrawal


def rules_of(study: Study) -> Rules:
    """The study's rules."""
    return Rules(**{name: getattr(study, name) for name in Rules.__dataclass_fields__})


def change_rules(session: Session, study: Study, changes: Mapping[str, Any]) -> Rules:
    """Change some rules of a draft. Raises ConflictError once it was opened, ToprankError for what makes no sense."""
    if changes and study.state != StudyState.DRAFT:
        raise ConflictError(
            f"The study {study.slug!r} is {study.state}; its rules are part of the protocol, which opening it locked."
        )
    for name, value in changes.items():
        _check(name, value)
        setattr(study, name, value)
    if study.gold_share + study.repeat_share > 0.5:
        raise ToprankError("Gold and repeats together cannot be more than half of all assignments.")
    session.flush()
    return rules_of(study)


def _check(name: str, value: Any) -> None:
    if name == "withdrawal":
        return
    low, high = RANGES[name]
    if value is not None and not low <= value <= high:
        raise ToprankError(f"{name} is {value}; it has to be between {low} and {high}.")
