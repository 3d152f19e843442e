"""Where a checkpoint came from, as its page tells it: a few facts in words, and the configuration as it was."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FACTS = {
    "base": "Base",
    "data": "Texts",
    "data_sha256": "SHA-256 of the texts",
    "training_set_sha256": "SHA-256 of the training set",
    "documents": "Texts used",
    "documents_left_out": "Texts left out",
    "overlap": "Overlap with passages",
    "beginning": "Beginning of a sequence",
    "seed": "Seed",
    "update": "Updates",
    "ended": "Ended",
    "train_loss": "Training loss",
    "validation_loss": "Held-out loss",
    "code": "Code",
    "torch": "torch",
    "device": "Device",
    "processes": "Processes",
}
LONGEST = 200


@dataclass(frozen=True)
class Lineage:
    """Facts by their labels, and the rest as JSON."""

    facts: dict[str, str]
    config: str


def describe(lineage: Mapping[str, Any] | None) -> Lineage | None:
    """A record's facts; None without one. An uploaded record may hold anything: what is no plain value is left out."""
    if not lineage:
        return None
    facts = {label: _in_words(lineage[key]) for key, label in FACTS.items() if _is_plain(lineage.get(key))}
    config = lineage.get("config")
    return Lineage(facts, json.dumps(config, indent=2, ensure_ascii=False) if isinstance(config, dict) else "")


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _in_words(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
