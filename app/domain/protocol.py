"""A study's protocol: what is decided before its results are seen, in a form that has one hash.

A draft's protocol can be changed. Opening the study locks a copy; what differs from it later is a departure, and
is named beside every result.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, aliased

from app.domain.audit import record
from app.domain.rules import rules_of
from app.domain.study_lock import lock_study
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import Checkpoint, Contrast, Dataset, LockedProtocol, Person, Study, System
from app.models.protocol import Stopping
from app.models.study import StudyState

# Rules by which answers are left out, rather than handed out.
MOST_ANNOTATIONS = 2**31 - 1
EXCLUSION = ("withdrawal", "min_gold_accuracy", "min_self_consistency", "min_reading_ms")


@dataclass(frozen=True)
class StoppingRule:
    """When the study is to close; `at` belongs to a date, `after` to a number of counted annotations."""

    when: Stopping = Stopping.QUOTA
    at: datetime | None = None
    after: int | None = None


def protocol_hash(protocol: Mapping[str, Any]) -> str:
    """SHA-256 of the protocol as canonical JSON: keys sorted, no spaces, UTF-8, so that equal protocols agree.

    Raises ValueError for NaN or infinity, which JSON has no form for.

    >>> protocol_hash({"b": 1, "a": 2}) == protocol_hash({"a": 2, "b": 1})
    True
    """
    canonical = json.dumps(protocol, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def study_protocol(session: Session, study: Study) -> dict[str, Any]:
    """What determines a study's results, as plain values: systems with their decoding, contrasts, datasets, quota,
    guidelines, who is left out and when it stops.

    Names of people, texts and states are no part of it, so that it stays the same from opening to close.
    """
    datasets = select(Dataset.name).where(Dataset.study_id == study.id).order_by(Dataset.name)
    systems = (
        select(System, Checkpoint)
        .join(Checkpoint, Checkpoint.id == System.checkpoint_id)
        .where(System.study_id == study.id)
        .order_by(System.name)
    )
    rules = asdict(rules_of(study))
    return {
        "study": study.slug,
        "datasets": list(session.scalars(datasets)),
        "systems": [_system(system, checkpoint) for system, checkpoint in session.execute(systems)],
        "contrasts": [list(pair) for pair in contrasts(session, study)],
        "quota": study.quota,
        "exclusion": {name: rules.pop(name) for name in EXCLUSION},
        "stopping": _stopping(stopping_rule(study)),
        "guidelines_sha256": hashlib.sha256(study.guidelines.encode()).hexdigest(),
        "guidelines_version": study.guidelines_version,
        "reference_tokens_sha256": study.reference_tokens_sha256,
        "release": str(study.release),
        "rules": rules,
        "seed": study.seed,
    }


def contrasts(session: Session, study: Study) -> list[tuple[str, str]]:
    """Pairs of systems, by name, that the study sets out to compare; none where it only explores."""
    against = aliased(System)
    query = (
        select(System.name, against.name)
        .select_from(Contrast)
        .join(System, System.id == Contrast.system_id)
        .join(against, against.id == Contrast.against_id)
        .where(Contrast.study_id == study.id)
        .order_by(Contrast.position)
    )
    return [(system, other) for system, other in session.execute(query)]


def set_contrasts(
    session: Session, study: Study, pairs: Sequence[tuple[str, str]], *, by: Person | None = None
) -> None:
    """Name the pairs of systems that a draft sets out to compare, in place of those it had.

    Raises NotFoundError for a system it does not have, ToprankError for a pair that makes no sense, ConflictError once
    it was opened.
    """
    study = _draft(session, study)
    if len({frozenset(pair) for pair in pairs}) < len(pairs):
        raise ToprankError("A contrast is named once, in one direction.")
    systems = session.scalars(select(System).where(System.study_id == study.id))
    ids = {system.name: system.id for system in systems}
    for system, against in pairs:
        _check_contrast(study, ids, system, against)
    session.execute(delete(Contrast).where(Contrast.study_id == study.id))
    session.add_all(
        Contrast(study_id=study.id, system_id=ids[system], against_id=ids[against], position=position)
        for position, (system, against) in enumerate(pairs, start=1)
    )
    record(session, by, "study.set_contrasts", study, contrasts=[list(pair) for pair in pairs])


def read_stopping(words: str) -> StoppingRule:
    """A stopping rule from `quota`, a date with its time zone, or a number of annotations. Raises ToprankError.

    >>> read_stopping("1800")
    StoppingRule(when=<Stopping.ANNOTATIONS: 'annotations'>, at=None, after=1800)
    """
    if words == Stopping.QUOTA:
        return StoppingRule()
    if words.isascii() and words.isdigit():
        return StoppingRule(Stopping.ANNOTATIONS, after=int(words))
    try:
        return StoppingRule(Stopping.DATE, at=datetime.fromisoformat(words))
    except ValueError as error:
        raise ToprankError(
            f"A study stops at its quota, at a date such as 2026-12-01T18:00+00:00, or after a number of annotations; "
            f"{words!r} is none of them."
        ) from error


def stopping_rule(study: Study) -> StoppingRule:
    """When the study is to close."""
    return StoppingRule(study.stopping, study.stop_at, study.stop_after)


def set_stopping(session: Session, study: Study, rule: StoppingRule, *, by: Person | None = None) -> None:
    """Say when a draft is to close. Raises ToprankError for a rule without sense, ConflictError once it was opened."""
    study = _draft(session, study)
    if (rule.when is Stopping.DATE) != (rule.at is not None):
        raise ToprankError("Stopping at a date needs the date, and no other stopping rule has one.")
    if (rule.when is Stopping.ANNOTATIONS) != (rule.after is not None):
        raise ToprankError("Stopping after a number of annotations needs the number, and no other rule has one.")
    if rule.at is not None and rule.at.tzinfo is None:
        raise ToprankError("A stopping date needs its time zone, such as 2026-12-01T18:00+00:00.")
    if rule.after is not None and not 1 <= rule.after <= MOST_ANNOTATIONS:
        raise ToprankError(f"A study cannot stop after {rule.after} annotations; give 1 to {MOST_ANNOTATIONS}.")
    study.stopping, study.stop_at, study.stop_after = rule.when, rule.at, rule.after
    record(session, by, "study.set_stopping", study, **_stopping(rule))


def lock_protocol(session: Session, study: Study) -> LockedProtocol:
    """Keep a copy of the protocol as it is; one that is locked already stays."""
    locked = locked_protocol(session, study)
    if locked is None:
        content = study_protocol(session, study)
        locked = LockedProtocol(study_id=study.id, sha256=protocol_hash(content), content=content)
        session.add(locked)
        session.flush()
    return locked


def locked_protocol(session: Session, study: Study) -> LockedProtocol | None:
    """The protocol that opening locked; None for a draft."""
    return session.get(LockedProtocol, study.id)


def departures(locked: LockedProtocol, protocol: Mapping[str, Any]) -> list[str]:
    """Names of the parts that say something else than when they were locked."""
    return sorted(part for part, value in locked.content.items() if protocol.get(part) != value)


def _stopping(rule: StoppingRule) -> dict[str, Any]:
    at = None if rule.at is None else rule.at.astimezone(UTC).isoformat()
    return {"when": str(rule.when), "at": at, "after": rule.after}


def _draft(session: Session, study: Study) -> Study:
    study = lock_study(session, study.id)
    if study.state != StudyState.DRAFT:
        raise ConflictError(f"The study {study.slug!r} is {study.state}; opening it locked its protocol.")
    return study


def _check_contrast(study: Study, known: Iterable[str], system: str, against: str) -> None:
    if system == against:
        raise ToprankError(f"A contrast is of two systems; {system!r} cannot be compared with itself.")
    for name in (system, against):
        if name not in known:
            names = ", ".join(sorted(known)) or "none yet"
            raise NotFoundError(f"The study {study.slug!r} has no system {name!r} (systems: {names}).")


def _system(system: System, checkpoint: Checkpoint) -> dict[str, Any]:
    # Named only where it is applied: the protocols of studies that know nothing of it keep their hash.
    prompt = {"chat_template": True} if system.chat_template else {}
    return prompt | {
        "name": system.name,
        "checkpoint": checkpoint.name,
        "strategy": str(system.strategy),
        "top_p": system.top_p,
        "temperature": system.temperature,
        "top_k": system.top_k,
        "seed": system.seed,
        "repetition_penalty": system.repetition_penalty,
        "block_citations": system.block_citations,
        "scenarios": sorted(system.scenarios),
    }
