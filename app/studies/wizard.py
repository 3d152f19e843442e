"""The steps by which a study is set up, and what each of them shows."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.domain.gold import gold_count
from app.domain.progress import dataset_progress
from app.domain.protocol import contrasts, locked_protocol, protocol_hash, stopping_rule, study_protocol
from app.domain.study_settings import Freedom, freedoms
from app.domain.systems import all_checkpoints, study_systems
from app.domain.taking_part import consent_form, consent_versions
from app.domain.training import qualification_of
from app.models import Study
from app.models.study import Release, Withdrawal
from app.models.system import SCENARIOS, Strategy
from app.studies.forecast import forecast
from app.templating import render


class Step(StrEnum):
    """A page of the wizard, by its address."""

    OVERVIEW = "overview"
    BASICS = "basics"
    SYSTEMS = "systems"
    GUIDELINES = "guidelines"
    ANNOTATORS = "annotators"
    QUALITY = "quality"
    PROTOCOL = "protocol"


NAMES = {
    Step.OVERVIEW: "Overview and opening",
    Step.BASICS: "Basics",
    Step.SYSTEMS: "Systems",
    Step.GUIDELINES: "Guidelines",
    Step.ANNOTATORS: "Annotators",
    Step.QUALITY: "Quality",
    Step.PROTOCOL: "Protocol",
}


# Several settings that one form has; each is locked with the others.
GROUPED = {
    **dict.fromkeys(("gold_share", "repeat_share", "gold"), "checks"),
    **dict.fromkeys(("max_share", "max_exposures", "exposure_gap"), "caps and exposure"),
    **dict.fromkeys(("min_gold_accuracy", "min_self_consistency", "min_reading_ms"), "thresholds"),
    "asks_english": "English",
    "break_minutes": "breaks",
    "stopping": "stopping rule",
    "release": "when a passage may be judged",
    "withdrawal": "rule for withdrawals",
    "consent": "consent form",
}


def step_page(request: Request, session: Session, study: Study, step: Step, **given: object) -> Response:
    """The step's page; what is `given` stands in place of what the study has."""
    saved = request.query_params.get("saved", "")
    context: dict[str, Any] = {
        "study": study,
        "step": step,
        "names": NAMES,
        "saved": NAMES.get(Step(saved)) if saved in set(Step) else None,
        "may": {part: freely is not Freedom.LOCKED for part, freely in freedoms(study).items()},
        "upwards": {part for part, freely in freedoms(study).items() if freely is Freedom.UPWARDS},
    }
    return render(request, f"studies/settings/{step}.html", **(context | _CONTEXTS[step](session, study) | given))


def _overview(session: Session, study: Study) -> dict[str, Any]:
    locked = locked_protocol(session, study)
    return {
        "forecast": forecast(session, study),
        "locked": locked,
        "sha256": locked.sha256 if locked else protocol_hash(study_protocol(session, study)),
        "datasets": dataset_progress(session, study),
        "systems": study_systems(session, study),
        "gold": gold_count(session, study),
        "changing": _parts(study, Freedom.FREE),
        "rising": _parts(study, Freedom.UPWARDS),
        "fixed": _parts(study, Freedom.LOCKED),
    }


def _parts(study: Study, freely: Freedom) -> list[str]:
    """What may change so far in the study's state, in words."""
    found = [part for part, allowed in freedoms(study).items() if allowed is freely]
    named = dict.fromkeys(GROUPED.get(part, part.replace("_", " ")) for part in found)
    return list(named)


def _basics(session: Session, study: Study) -> dict[str, Any]:
    return {"datasets": dataset_progress(session, study), "releases": list(Release)}


def _systems(session: Session, study: Study) -> dict[str, Any]:
    return {
        "systems": study_systems(session, study),
        "checkpoints": all_checkpoints(session),
        "strategies": list(Strategy),
        "scenarios": SCENARIOS,
    }


def _guidelines(_session: Session, study: Study) -> dict[str, Any]:
    return {"guidelines": study.guidelines}


def _annotators(session: Session, study: Study) -> dict[str, Any]:
    return {
        "consent": consent_form(session, study),
        "versions": consent_versions(session, study)[::-1],
        "qualification": qualification_of(session, study),
    }


def _quality(session: Session, study: Study) -> dict[str, Any]:
    return {"gold": gold_count(session, study), "withdrawals": list(Withdrawal)}


def _protocol(session: Session, study: Study) -> dict[str, Any]:
    pairs = contrasts(session, study)
    locked = locked_protocol(session, study)
    rule = stopping_rule(study)
    return {
        "systems": study_systems(session, study),
        "contrasts": [*pairs, ("", ""), ("", "")],
        "stop": rule.at.isoformat() if rule.at else rule.after or "quota",
        "sha256": locked.sha256 if locked else protocol_hash(study_protocol(session, study)),
        "locked": locked,
    }


_CONTEXTS: Mapping[Step, Callable[[Session, Study], dict[str, Any]]] = {
    Step.OVERVIEW: _overview,
    Step.BASICS: _basics,
    Step.SYSTEMS: _systems,
    Step.GUIDELINES: _guidelines,
    Step.ANNOTATORS: _annotators,
    Step.QUALITY: _quality,
    Step.PROTOCOL: _protocol,
}
