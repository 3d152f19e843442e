"""What may be changed about a study in each of its states, and changing it: with a line in the audit log.

A draft is free. Opening locks the protocol; what may still change then is what people are told and paid, and the quota
upwards. Nothing but the title changes once a study is closed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.rules import RANGES, change_rules, rules_of
from app.domain.study_lock import lock_study
from app.domain.taking_part import AnnotatorRules, change_guidelines, check_guidelines, set_rules
from app.errors import ConflictError, ToprankError
from app.models import Person, Study
from app.models.study import Release, StudyState

LONGEST_TITLE = 200
By = Person | None
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Freedom(StrEnum):
    """How far a part of a study may change in its present state."""

    FREE = "free"
    UPWARDS = "upwards"
    LOCKED = "locked"


_DRAFT = {StudyState.DRAFT: Freedom.FREE}
_RUNNING = (StudyState.OPEN, StudyState.PAUSED)
_UNTIL_CLOSED = _DRAFT | dict.fromkeys(_RUNNING, Freedom.FREE)
_UPWARDS = _DRAFT | dict.fromkeys(_RUNNING, Freedom.UPWARDS)
_ALWAYS = dict.fromkeys(StudyState, Freedom.FREE)
_RULES = (*RANGES, "withdrawal")

# Every part of a study that can be changed, and in which states; where a state is missing, it is locked.
FREEDOMS: Mapping[str, Mapping[StudyState, Freedom]] = {
    "title": _ALWAYS,
    "quota": _UPWARDS,
    "hourly_rate": _UPWARDS,
    "guidelines": _UNTIL_CLOSED,
    "consent": _UNTIL_CLOSED,
    "asks_english": _UNTIL_CLOSED,
    "break_minutes": _UNTIL_CLOSED,
    **dict.fromkeys(("currency", "seed", "release", "datasets", "systems", "contrasts", "stopping"), _DRAFT),
    **dict.fromkeys(("qualification", "gold", *_RULES), _DRAFT),
}


@dataclass(frozen=True)
class Settings:
    """A study's settings as plain values, by the names that `change_settings` takes."""

    title: str
    quota: int
    hourly_rate: float
    currency: str
    seed: int
    release: Release
    guidelines: str
    asks_english: bool
    break_minutes: int


def settings_of(study: Study) -> dict[str, Any]:
    """Every setting that `change_settings` takes, with its value."""
    own = {name: getattr(study, name) for name in Settings.__dataclass_fields__}
    return own | asdict(rules_of(study))


def freedom(study: Study, part: str) -> Freedom:
    """How far the part may change now."""
    return FREEDOMS[part].get(study.state, Freedom.LOCKED)


def freedoms(study: Study) -> dict[str, Freedom]:
    """How far each part may change now."""
    return {part: freedom(study, part) for part in FREEDOMS}


def change_settings(session: Session, study: Study, changes: Mapping[str, Any], *, by: By = None) -> list[str]:
    """Change the settings that differ from what they are, and name them.

    Raises ConflictError for one that is locked in the study's state or would fall where it may only rise, ToprankError
    for a value that makes no sense.
    """
    study = lock_study(session, study.id)
    before = settings_of(study)
    wanted = {name: value for name, value in changes.items() if _tidy(name, value) != before[name]}
    for name, value in wanted.items():
        _check_freedom(study, name, before[name], value)
        check_setting(name, value)
    change_rules(session, study, {name: value for name, value in wanted.items() if name in _RULES})
    for name in wanted.keys() - set(_RULES):
        _set(session, study, name, _tidy(name, wanted[name]))
    session.flush()
    if wanted:
        record(session, by, "study.change", study, **_told(study, before, wanted))
    return sorted(wanted)


def check_setting(name: str, value: Any) -> None:
    """Raises ToprankError for a value that no study can have; a rule's is checked as the others are known."""
    if name in _CHECKS:
        _CHECKS[name](value)


def _set(session: Session, study: Study, name: str, value: Any) -> None:
    if name == "guidelines":
        change_guidelines(session, study, value)
    elif name in ("asks_english", "break_minutes"):
        set_rules(session, study, AnnotatorRules(**{name: value}))
    else:
        setattr(study, name, value)
        if name == "quota":
            session.execute(_RAISE_QUOTA, {"study": study.id, "quota": value})


# Assignments follow by their foreign key; what was fully judged is open again.
_RAISE_QUOTA = text("UPDATE comparison SET quota = :quota WHERE study_id = :study AND quota <> :quota")


def _check_freedom(study: Study, name: str, present: Any, value: Any) -> None:
    freely = freedom(study, name)
    words = name.replace("_", " ")
    if freely is Freedom.LOCKED:
        reason = (
            "nothing but its title changes now"
            if study.state == StudyState.CLOSED
            else "it is part of the protocol, which opening it locked"
        )
        raise ConflictError(f"The study {study.slug!r} is {study.state}: its {words} cannot change; {reason}.")
    if freely is Freedom.UPWARDS and value < present:
        raise ConflictError(
            f"The study {study.slug!r} is {study.state}: its {words} may rise above {present} and never fall, since "
            "people were promised it."
        )


def _tidy(name: str, value: Any) -> Any:
    if name == "guidelines":
        return value.replace("\r\n", "\n").strip() + "\n"
    return value.strip() if name in ("title", "currency") else value


def _told(study: Study, before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What changed from what to what; of guidelines only their version, since the texts are kept by it."""
    told = {name: [before[name], getattr(study, name)] for name in wanted if name != "guidelines"}
    return told | ({"guidelines_version": study.guidelines_version} if "guidelines" in wanted else {})


def _check_title(title: str) -> None:
    if not title.strip() or len(title) > LONGEST_TITLE or _CONTROL.search(title):
        raise ToprankError(f"A study's title has 1 to {LONGEST_TITLE} characters on one line.")


def _check_quota(quota: int) -> None:
    if not 1 <= quota <= 99:
        raise ToprankError(f"The quota is {quota}; it has to be between 1 and 99.")


def _check_hourly_rate(rate: float) -> None:
    if not 0 <= rate < 1_000_000:
        raise ToprankError(f"The hourly rate is {rate}; it has to be between 0 and a million.")
    if round(rate, 2) != rate:
        raise ToprankError(f"The hourly rate is {rate}; it has at most two digits behind the point.")


def _check_currency(currency: str) -> None:
    currency = currency.strip()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise ToprankError(f"A currency has three capital letters, such as USD; {currency!r} is none.")


def _check_seed(seed: int) -> None:
    if not -(2**63) <= seed < 2**63:
        raise ToprankError("A seed is a number that fits 64 bits.")


_CHECKS: Mapping[str, Callable[[Any], None]] = {
    "title": _check_title,
    "quota": _check_quota,
    "hourly_rate": _check_hourly_rate,
    "currency": _check_currency,
    "seed": _check_seed,
    "guidelines": check_guidelines,
}
