"""What a run is to make of what, what it may not learn, and whose unfinished work a folder holds."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import ConflictError, ToprankError
from hyperfitting.checkpoints import Lineage
from hyperfitting.config import HyperfitConfig
from hyperfitting.data import Document, data_sha256
from hyperfitting.overlap import overlapping

PLAN = "plan.json"


@dataclass(frozen=True)
class Plan:
    """What to hyperfit on what, and where the checkpoint goes.

    `passages` are those that people will judge; None says that nobody could look them up.
    """

    base: Path
    base_name: str
    documents: Sequence[Document]
    data_name: str
    out: Path
    config: HyperfitConfig
    passages: Sequence[Document] | None = None

    @property
    def work(self) -> Path:
        """Where the run is until it is done."""
        return self.out.with_name(f"{self.out.name}.partial")

    @property
    def identity(self) -> dict[str, Any]:
        """What two runs have to share to be the same."""
        return {
            "base": self.base_name,
            "data_sha256": data_sha256(self.documents),
            "config": self.config.as_json(),
        }


def is_same(plan: Plan, finished: Lineage) -> bool:
    saved = {"base": finished.base, "data_sha256": finished.data_sha256, "config": finished.config}
    return saved == plan.identity


def admitted(plan: Plan) -> tuple[list[Document], str]:
    """The documents that may be learnt, and in words what was checked."""
    if plan.config.allow_overlap:
        return list(plan.documents), "allowed: nothing was left out"
    if plan.passages is None:
        return list(plan.documents), "not checked: there was no database with passages"
    shared = set(overlapping(plan.documents, plan.passages))
    if len(shared) == len(plan.documents):
        raise ToprankError(
            "Every text shares its source or 13 words in a row with a passage that people judge. Give other texts, or "
            "--allow-overlap, which the checkpoint will say of itself."
        )
    kept = [document for number, document in enumerate(plan.documents) if number not in shared]
    return kept, f"{len(shared)} documents that overlap with {len(plan.passages)} accepted passages were left out"


def claim(plan: Plan) -> None:
    """Make the working folder, or make sure that it is this run's. Raises ConflictError for another's."""
    file = plan.work / PLAN
    wanted = json.loads(json.dumps(plan.identity))
    if file.exists() and json.loads(file.read_text(encoding="utf-8")) != wanted:
        raise ConflictError(
            f"{plan.work} holds an unfinished run with other choices; remove it, or choose another --out."
        )
    plan.work.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(wanted, indent=2), encoding="utf-8")
