"""Whether a bundle is what it says: every file whole, the protocol the locked one, every table as its files make it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.analysis.evidence import Evidence
from app.analysis.formats import as_values
from app.analysis.registry import exhibit_of
from app.bundle.contents import RECOMPUTED
from app.bundle.reading import BundleError, BundleEvidence, BundleFiles
from app.domain.protocol import protocol_hash


@dataclass(frozen=True)
class Verified:
    """What was found to hold."""

    study: str
    made_at: str
    protocol: str | None
    files: int
    annotations: int
    tables: tuple[str, ...]


def verify(path: Path) -> Verified:
    """Check a bundle without any database. Raises BundleError, naming the file that does not hold."""
    try:
        return _verified(BundleFiles(path))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # its hashes fit, so it was made wrongly, or by a version whose files say other things
        raise BundleError(f"The bundle's files do not fit together: {type(error).__name__} {error}.") from error


def _verified(files: BundleFiles) -> Verified:
    protocol = _check_protocol(files)
    _check_tokenizer(files)
    annotations = _check_quota(files)
    evidence = BundleEvidence(files)
    bundled = files.values("tables.json")["exhibits"]
    for key in RECOMPUTED:
        _check_table(key, evidence, bundled)
    manifest = files.manifest
    return Verified(manifest["study"], manifest["made_at"], protocol, len(manifest["files"]), annotations, RECOMPUTED)


def _check_protocol(files: BundleFiles) -> str | None:
    locked = files.values("protocol.json")["locked"]
    if locked is None:
        return None
    if protocol_hash(locked["content"]) != locked["sha256"]:
        raise BundleError("protocol.json: the locked protocol has another hash than was locked.")
    return str(locked["sha256"])


def _check_tokenizer(files: BundleFiles) -> None:
    wanted = files.values("study.json")["reference_tokens_sha256"]
    if hashlib.sha256(files.read("tokenizer.json")).hexdigest() != wanted:
        raise BundleError("tokenizer.json is not the tokenizer that the study counts lengths in.")


def _check_quota(files: BundleFiles) -> int:
    """Also counts the annotations. Raises BundleError for a comparison that counts other answers than it says."""
    counted: dict[int, set[int]] = {}
    every = set()
    for one in files.lines("annotations.jsonl"):
        if one["annotation_id"] is not None:
            every.add(one["annotation_id"])
        if one["status"] == "counted":
            counted.setdefault(one["comparison_id"], set()).add(one["annotation_id"])
    for one in files.lines("comparisons.jsonl"):
        found = len(counted.pop(one["id"], ()))
        if found != one["answered"] or found > one["quota"]:
            raise BundleError(f"comparisons.jsonl: comparison {one['id']} has {found} annotations that count.")
    if counted:
        raise BundleError(f"annotations.jsonl is about comparison {min(counted)}, which is not in the bundle.")
    return len(every)


def _check_table(key: str, evidence: Evidence, bundled: dict[str, dict[str, Any]]) -> None:
    made, there = json.loads(json.dumps(as_values(exhibit_of(evidence, key)))), bundled[key]
    for part in ("rows", "signatures", "notes"):
        if made[part] != there[part]:
            where = _first_difference(made[part], there[part])
            raise BundleError(f"tables.json: {part} of {key}, {where}, are not what the bundle's annotations make.")


def _first_difference(one: list[Any], other: list[Any]) -> str:
    for at, (mine, theirs) in enumerate(zip(one, other, strict=False), start=1):
        if mine != theirs:
            return f"number {at}"
    return f"{len(one)} against {len(other)}"
