"""How often people prefer each system's continuation, or find it equally good: one result for each system and scenario.

Table 1, Table 4 and the paired comparisons are made of these.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.analysis.rows import Answers, StudyRows, SystemFacts
from metrics.intervals import Interval, new_annotators, these_annotators
from metrics.judgements import Judgements
from metrics.preference import Verdicts, mean_over_datasets

DEFINITION = (
    "preference ratio: share of counted annotations that prefer the candidate or find both equally good; "
    "unweighted mean over datasets"
)
# Enough for two digits of a percentile, at a fifth of the time.
RESAMPLES = 2_000


@dataclass(frozen=True)
class DatasetResult:
    """One system, scenario and dataset. TTR is None without continuations, the originals' without passages; recalled
    texts equal the original."""

    dataset: str
    verdicts: Verdicts
    wanted: int
    continuations: int
    recalled: int
    mean_ttr: float | None
    original_ttr: float | None


@dataclass(frozen=True)
class SystemResult:
    """One system in one scenario, by dataset; the intervals are None without annotations (or a second annotator)."""

    system: SystemFacts
    scenario: int
    datasets: tuple[DatasetResult, ...]
    these_annotators: Interval | None
    new_annotators: Interval | None

    @property
    def verdicts(self) -> Verdicts:
        """All datasets' annotations together."""
        return sum((result.verdicts for result in self.datasets), Verdicts())

    @property
    def preference_ratio(self) -> float | None:
        """Table 1's value; None while a dataset has no annotations."""
        return mean_over_datasets(result.verdicts.preference_ratio for result in self.datasets)

    @property
    def parity_line(self) -> float | None:
        """What that value would be at parity; None while a dataset has no annotations."""
        return mean_over_datasets(result.verdicts.parity_line for result in self.datasets)

    @property
    def ties_as_half(self) -> float | None:
        """Mean over datasets of the ratio that counts ties as half; None while a dataset has no annotations."""
        return mean_over_datasets(result.verdicts.ties_as_half for result in self.datasets)

    @property
    def mean_ttr(self) -> float | None:
        """Unweighted mean over datasets; None while a dataset has no continuations."""
        return mean_over_datasets(result.mean_ttr for result in self.datasets)

    @property
    def wanted(self) -> int:
        """How many annotations there will be."""
        return sum(result.wanted for result in self.datasets)

    @property
    def recalled(self) -> int:
        """How many continuations equal the original, and so were judged by nobody."""
        return sum(result.recalled for result in self.datasets)

    @property
    def label(self) -> str:
        """How the system is named where both scenarios stand together."""
        return f"{self.system.name} ({self.scenario})"


def preference_results(rows: StudyRows) -> list[SystemResult]:
    """A result for each system in each of its scenarios, by scenario, in the order the systems were added."""
    return [
        _result(rows, system, scenario)
        for scenario in rows.scenarios
        for system in rows.systems
        if scenario in system.scenarios
    ]


def _result(rows: StudyRows, system: SystemFacts, scenario: int) -> SystemResult:
    answers = rows.counted.of(system.id, scenario)
    judgements = answers.judgements
    return SystemResult(
        system,
        scenario,
        tuple(_dataset_results(rows, system, scenario, answers)),
        _remembered_these(*_as_bytes(judgements)),
        _remembered_new(*_as_bytes(judgements), rows.seed),
    )


def _dataset_results(rows: StudyRows, system: SystemFacts, scenario: int, answers: Answers) -> list[DatasetResult]:
    every = rows.continuations
    written = every.where((every.system == system.id) & (every.scenario == scenario))
    results = []
    for dataset in rows.datasets:
        inside = written.dataset == dataset.id
        # systems that share a comparison share its wanted annotations, each in full
        results.append(
            DatasetResult(
                dataset.name,
                answers.where(answers.dataset == dataset.id).verdicts,
                int(written.wanted[inside].sum()),
                int(inside.sum()),
                int((written.comparison[inside] == -1).sum()),
                float(written.ttr[inside].mean()) if inside.any() else None,
                rows.original_ttr.get((dataset.id, scenario)),
            )
        )
    return results


# Intervals are pure functions of the annotations: what has not changed since the last page need not be drawn again.


def _as_bytes(judgements: Judgements) -> tuple[bytes, bytes, bytes, bytes]:
    return (
        judgements.dataset.tobytes(),
        judgements.passage.tobytes(),
        judgements.annotator.tobytes(),
        judgements.preferred.tobytes(),
    )


def _from_bytes(dataset: bytes, passage: bytes, annotator: bytes, preferred: bytes) -> Judgements:
    return Judgements(
        np.frombuffer(dataset, np.int64),
        np.frombuffer(passage, np.int64),
        np.frombuffer(annotator, np.int64),
        np.frombuffer(preferred, np.bool_),
    )


@lru_cache(maxsize=512)
def _remembered_these(*columns: bytes) -> Interval | None:
    return these_annotators(_from_bytes(*columns))


@lru_cache(maxsize=512)
def _remembered_new(dataset: bytes, passage: bytes, annotator: bytes, preferred: bytes, seed: int) -> Interval | None:
    return new_annotators(_from_bytes(dataset, passage, annotator, preferred), seed=seed, resamples=RESAMPLES)
