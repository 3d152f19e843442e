"""Rows of a study as arrays: what was written, what was said of it, by whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics.judgements import Judgements
from metrics.preference import Verdicts

CANDIDATE, EQUAL, REFERENCE = range(3)
COUNTED, SURPLUS, WITHDRAWN, SKIPPED = range(4)


class SystemFacts(NamedTuple):
    """A system as tables name it."""

    id: int
    name: str
    checkpoint_id: int
    checkpoint: str
    strategy: str
    block_citations: bool
    scenarios: tuple[int, ...]


@dataclass(frozen=True)
class DatasetFacts:
    """A dataset and its accepted passages."""

    id: int
    name: str
    passages: int


@dataclass(frozen=True, eq=False)
class Answers:
    """One entry for each answer or skip of a study comparison, and for each system that shares the comparison.

    `verdict` is CANDIDATE, EQUAL or REFERENCE (-1 for a skip), `status` COUNTED, SURPLUS, WITHDRAWN or SKIPPED.
    """

    system: NDArray[np.int64]
    scenario: NDArray[np.int64]
    dataset: NDArray[np.int64]
    passage: NDArray[np.int64]
    comparison: NDArray[np.int64]
    annotator: NDArray[np.int64]
    verdict: NDArray[np.int64]
    status: NDArray[np.int64]
    candidate_first: NDArray[np.int64]
    exposure: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.system)

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Answers":
        """Those that are chosen, by a mask or by their places."""
        return Answers(*(getattr(self, name)[chosen] for name in Answers.__dataclass_fields__))

    def of(self, system_id: int, scenario: int) -> "Answers":
        """What was said of one system in one scenario."""
        found = self._by_system.get((system_id, scenario))
        return self.where(np.zeros(0, dtype=np.int64)) if found is None else found

    @cached_property
    def _by_system(self) -> dict[tuple[int, int], "Answers"]:
        """All systems and scenarios apart, by one sort instead of a search for each."""
        order = np.lexsort((self.scenario, self.system))
        ordered = self.where(order)
        keys = np.stack([ordered.system, ordered.scenario])
        starts = np.flatnonzero(np.any(keys[:, 1:] != keys[:, :-1], axis=0)) + 1
        bounds = [0, *starts.tolist(), len(self)] if len(self) else []
        return {
            (int(ordered.system[low]), int(ordered.scenario[low])): ordered.where(np.arange(low, high))
            for low, high in pairwise(bounds)
        }

    @property
    def verdicts(self) -> Verdicts:
        """How many prefer which side; skips are none of them."""
        counts = np.bincount(self.verdict[self.verdict >= 0], minlength=3)
        return Verdicts(int(counts[CANDIDATE]), int(counts[EQUAL]), int(counts[REFERENCE]))

    @property
    def judgements(self) -> Judgements:
        """For intervals and paired tests."""
        return Judgements(self.dataset, self.passage, self.annotator, self.verdict != REFERENCE)


@dataclass(frozen=True, eq=False)
class Continuations:
    """One entry for each continuation of an accepted passage and each scenario its system is judged in.

    `comparison` is -1 where the continuation equals the original (recall); `wanted` counts the annotations that the
    comparison is to get, 0 until it is released; `answered` those it has.
    """

    ttr: NDArray[np.float64]
    id: NDArray[np.int64]
    system: NDArray[np.int64]
    scenario: NDArray[np.int64]
    dataset: NDArray[np.int64]
    passage: NDArray[np.int64]
    comparison: NDArray[np.int64]
    wanted: NDArray[np.int64]
    answered: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> "Continuations":
        """Those that are chosen."""
        return Continuations(*(getattr(self, name)[chosen] for name in Continuations.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class StudyRows:
    """What preferences are made of: `counted` are the annotations that count, `original_ttr` is the originals' mean by
    dataset and scenario."""

    systems: list[SystemFacts]
    datasets: list[DatasetFacts]
    scenarios: list[int]
    counted: Answers
    continuations: Continuations
    original_ttr: Mapping[tuple[int, int], float]
    seed: int
