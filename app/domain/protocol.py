"""A study's protocol: what is decided before its results are seen, in a form that has one hash."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.rules import rules_of
from app.models import Checkpoint, Dataset, Study, System


def protocol_hash(protocol: Mapping[str, Any]) -> str:
    """SHA-256 of the protocol as canonical JSON: keys sorted, no spaces, UTF-8, so that equal protocols agree.

    Raises ValueError for NaN or infinity, which JSON has no form for.

    >>> protocol_hash({"b": 1, "a": 2}) == protocol_hash({"a": 2, "b": 1})
    True
    """
    canonical = json.dumps(protocol, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def study_protocol(session: Session, study: Study) -> dict[str, Any]:
    """What determines a study's results, as plain values: systems with their decoding, datasets, quota, guidelines.

    Names of people, texts and states are no part of it, so that it stays the same from opening to close.
    """
    datasets = select(Dataset.name).where(Dataset.study_id == study.id).order_by(Dataset.name)
    systems = (
        select(System, Checkpoint)
        .join(Checkpoint, Checkpoint.id == System.checkpoint_id)
        .where(System.study_id == study.id)
        .order_by(System.name)
    )
    return {
        "study": study.slug,
        "datasets": list(session.scalars(datasets)),
        "systems": [_system(system, checkpoint) for system, checkpoint in session.execute(systems)],
        "quota": study.quota,
        "guidelines_sha256": hashlib.sha256(study.guidelines.encode()).hexdigest(),
        "guidelines_version": study.guidelines_version,
        "reference_tokens_sha256": study.reference_tokens_sha256,
        "release": str(study.release),
        "rules": asdict(rules_of(study)),
        "seed": study.seed,
    }


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
