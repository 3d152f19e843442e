"""A bundle's files: checked against the manifest before anything is made of them, and then as evidence for tables."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from app.analysis.evidence import Evidence
from app.analysis.rows import (
    CANDIDATE,
    COUNTED,
    EQUAL,
    REFERENCE,
    SKIPPED,
    SURPLUS,
    WITHDRAWN,
    Answers,
    Continuations,
    DatasetFacts,
    SystemFacts,
)
from app.analysis.withdrawn import WithdrawnAnnotators
from app.bundle.contents import FORMAT, MANIFEST
from app.domain.images import PROMPT_SHARE, palette_of
from app.domain.reference_tokens import CONTEXT_TOKENS
from app.domain.scores import summaries_of
from app.errors import ToprankError
from app.models import Study
from app.models.study import Modality

# Texts and numbers pack to a tenth; models that repeat themselves for ever are still far from this.
LARGEST_RATIO = 200
SMALL = 50_000_000

VERDICTS = {"candidate": CANDIDATE, "equal": EQUAL, "reference": REFERENCE, None: -1}
STATUSES = {"counted": COUNTED, "surplus": SURPLUS, "withdrawn": WITHDRAWN, "skipped": SKIPPED}


class BundleError(ToprankError):
    """The bundle is damaged or was tampered with; the message names the file."""


class BundleFiles:
    """The files of a bundle whose every byte is what its manifest says. Raises BundleError where one is not."""

    def __init__(self, path: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise BundleError(f"{path} is no bundle: {error}.") from error
        self._check_size(path.stat().st_size)
        self.manifest = self._read_manifest()
        self._check_names()
        for name, listed in self.manifest["files"].items():
            self._check(name, listed)

    def read(self, name: str) -> bytes:
        """A file's content."""
        if name not in self._archive.namelist():
            raise BundleError(f"{name} is missing from the bundle.")
        try:
            return self._archive.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:  # the last: it is encrypted
            raise BundleError(f"{name} cannot be unpacked: {error}.") from error

    def values(self, name: str) -> Any:
        """A JSON file's content."""
        return _parsed(name, self.read(name))

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """Each line of a JSON-lines file."""
        for line in self.read(name).split(b"\n"):
            if line:
                yield _parsed(name, line)

    def _check_size(self, packed: int) -> None:
        """Before anything is unpacked, since a file that fits a letter can be made to fill a machine's memory."""
        unpacked = sum(entry.file_size for entry in self._archive.infolist())
        if unpacked > max(SMALL, LARGEST_RATIO * packed):
            raise BundleError(f"It would unpack to {unpacked:,} bytes from {packed:,}, as no bundle of ours does.")

    def _read_manifest(self) -> dict[str, Any]:
        listed = self.values(MANIFEST)
        if not isinstance(listed, dict) or not isinstance(listed.get("files"), dict):
            raise BundleError(f"{MANIFEST} lists no files.")
        if listed.get("format") != FORMAT:
            raise BundleError(f"{MANIFEST} says format {listed.get('format')!r}; this version reads format {FORMAT}.")
        return listed

    def _check_names(self) -> None:
        names = self._archive.namelist()
        listed = {*self.manifest["files"], MANIFEST}
        for name in names:
            if name not in listed:
                raise BundleError(f"{name} stands in the bundle but not in its manifest.")
        for name in listed:
            if names.count(name) != 1:
                raise BundleError(
                    f"{name} stands {names.count(name)} times in the bundle, and has to stand there once."
                )

    def _check(self, name: str, listed: dict[str, Any]) -> None:
        content = self.read(name)
        if hashlib.sha256(content).hexdigest() != listed.get("sha256") or len(content) != listed.get("bytes"):
            raise BundleError(
                f"{name} is not the file that the manifest lists: it was changed after the bundle was made."
            )


class BundleEvidence(Evidence):
    """What a study's tables are made of, from a bundle's files instead of a database."""

    def __init__(self, files: BundleFiles) -> None:
        # Evidence reads each part when it is first asked for; here all are there from the start.
        about = files.values("study.json")
        self.withdrawn = WithdrawnAnnotators.BY_PROTOCOL
        self.chosen_passage = None
        # A bundle of an earlier version says nothing of it, and is about texts.
        modality = Modality(about.get("modality", Modality.TEXT))
        self.study = Study(slug=about["slug"], title=about["title"], seed=about["seed"], modality=modality)
        self.tokenizer = about["reference_tokens"]
        self.palette = palette_of(files.read("tokenizer.json"))
        self.systems = [SystemFacts(**one)._replace(scenarios=tuple(one["scenarios"])) for one in about["systems"]]
        self.datasets = [DatasetFacts(**one) for one in about["datasets"]]
        self.contrasts = [(one, other) for one, other in about["contrasts"]]
        passages = {one["id"]: one for one in files.lines("passages.jsonl")}
        judged = {number for number, one in passages.items() if one["state"] == "accepted" and not one["unjudged"]}
        self._original_tokens = [
            (one["dataset_id"], one["token_ids"][_given(one) :]) for number, one in passages.items() if number in judged
        ]
        datasets = {number: one["dataset_id"] for number, one in passages.items()}
        comparisons = {one["id"]: one for one in files.lines("comparisons.jsonl")}
        self.continuations = _continuations(files, comparisons, {number: datasets[number] for number in judged})
        self.answers = _answers(files, self, datasets)
        scores = summaries_of(SimpleNamespace(**one) for one in files.lines("scores.jsonl"))
        self.scores = {summary.checkpoint: summary for summary in scores if summary.dataset is None}


def _given(passage: dict[str, Any]) -> int:
    """How many tokens of a passage systems were given."""
    width = passage.get("width")
    return CONTEXT_TOKENS if width is None else width * width // PROMPT_SHARE


def _continuations(
    files: BundleFiles, comparisons: dict[int, dict[str, Any]], datasets: dict[int, int]
) -> Continuations:
    rows = []
    for one in files.lines("continuations.jsonl"):
        if one["passage_id"] not in datasets:
            continue
        dataset = datasets[one["passage_id"]]
        for scenario in sorted(map(int, one["comparisons"])):
            number = one["comparisons"][str(scenario)]
            found = comparisons.get(number)
            is_open = found is not None and found["released"] and not found["withdrawn"]
            asked = (found["quota"], found["answered"]) if found and is_open else (0, 0)
            ids = (one["id"], one["system_id"], scenario, dataset, one["passage_id"], -1 if number is None else number)
            rows.append((*ids, *asked, one[f"ttr_{scenario}"]))
    table = np.array(rows, dtype=np.float64).reshape(-1, 9).T.copy()
    return Continuations(table[8], *(column.astype(np.int64) for column in table[:8]))


def _answers(files: BundleFiles, evidence: BundleEvidence, datasets: dict[int, int]) -> Answers:
    numbers = {one["annotator"]: one["number"] for one in files.lines("annotators.jsonl")}
    systems = {system.name: system.id for system in evidence.systems}
    rows = [
        (
            systems[one["system"]],
            one["scenario"],
            datasets[one["passage_id"]],
            one["passage_id"],
            one["comparison_id"],
            numbers[one["annotator"]],
            VERDICTS[one["verdict"]],
            STATUSES[one["status"]],
            one["shown_first"] == "candidate",
            one["passage_exposure"],
        )
        for one in files.lines("annotations.jsonl")
        if one["kind"] == "study" and one["status"] in STATUSES and one["system"] is not None
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 10).T.copy()
    return Answers(*table)


def _parsed(name: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} is no JSON: {error}.") from error
