"""Table 1: how often people prefer each system's continuation, or find it equally good, and how repetitive it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.models import Study
from metrics.preference import Verdicts, mean_over_datasets
from metrics.ttr import SCENARIO_WINDOWS, windowed_ttr

DEFINITION = (
    "preference ratio: share of counted annotations that prefer the candidate or find both equally good; "
    "mean: unweighted over datasets"
)


@dataclass(frozen=True)
class DatasetResult:
    """One system, scenario and dataset. TTR is None without continuations; recalled texts equal the original."""

    dataset: str
    verdicts: Verdicts
    wanted: int
    continuations: int
    recalled: int
    mean_ttr: float | None
    original_ttr: float | None


@dataclass(frozen=True)
class SystemResult:
    """One system in one scenario, by dataset."""

    system: str
    scenario: int
    datasets: list[DatasetResult]

    @property
    def verdicts(self) -> Verdicts:
        """All datasets' annotations together."""
        return sum((result.verdicts for result in self.datasets), Verdicts())

    @property
    def mean_preference_ratio(self) -> float | None:
        """Table 1's value; None while a dataset has no annotations."""
        return mean_over_datasets(result.verdicts.preference_ratio for result in self.datasets)

    @property
    def mean_parity_line(self) -> float | None:
        """What that value would be at parity; None while a dataset has no annotations."""
        return mean_over_datasets(result.verdicts.parity_line for result in self.datasets)

    @property
    def mean_ttr(self) -> float | None:
        """Unweighted mean over datasets; None while a dataset has no continuations."""
        return mean_over_datasets(result.mean_ttr for result in self.datasets)

    @property
    def wanted(self) -> int:
        """How many annotations there will be."""
        return sum(result.wanted for result in self.datasets)


@dataclass(frozen=True)
class Results:
    """A study's results at a moment, with what is needed to say how they were made."""

    study: str
    systems: list[SystemResult]
    queried_at: datetime
    tokenizer: str

    def of_scenario(self, scenario: int) -> list[SystemResult]:
        """The systems that are judged at this length."""
        return [result for result in self.systems if result.scenario == scenario]

    def signature(self, scenario: int) -> str:
        """What travels with every number of this scenario."""
        return f"{DEFINITION}; TTR window {SCENARIO_WINDOWS[scenario]}; tokenizer {self.tokenizer}"


# One row for each system, scenario and dataset, annotations or not. A comparison that systems share counts for each.
_RESULTS = text("""
WITH counted AS (
    SELECT comparison_id,
           count(*) FILTER (WHERE verdict = 'candidate') AS candidate,
           count(*) FILTER (WHERE verdict = 'equal') AS equal,
           count(*) FILTER (WHERE verdict = 'reference') AS reference
    FROM annotation WHERE study_id = :study AND status = 'counted' GROUP BY comparison_id
)
SELECT s.name AS system, judged.scenario, d.name AS dataset,
       coalesce(sum(a.candidate), 0)::int AS candidate,
       coalesce(sum(a.equal), 0)::int AS equal,
       coalesce(sum(a.reference), 0)::int AS reference,
       coalesce(sum(c.quota) FILTER (WHERE c.number IS NOT NULL AND NOT c.withdrawn), 0)::int AS wanted,
       count(n.id) AS continuations,
       count(n.id) FILTER (WHERE y.comparison_id IS NULL AND y.scenario IS NOT NULL) AS recalled,
       avg(CASE judged.scenario WHEN 128 THEN n.ttr_128 ELSE n.ttr_256 END) AS mean_ttr
FROM system s
CROSS JOIN unnest(s.scenarios) AS judged(scenario)
JOIN dataset d ON d.study_id = s.study_id
LEFT JOIN passage p ON p.dataset_id = d.id AND p.state = 'accepted'
LEFT JOIN continuation n ON n.system_id = s.id AND n.passage_id = p.id
LEFT JOIN candidacy y ON y.continuation_id = n.id AND y.scenario = judged.scenario
LEFT JOIN comparison c ON c.id = y.comparison_id
LEFT JOIN counted a ON a.comparison_id = c.id
WHERE s.study_id = :study
GROUP BY s.id, s.name, judged.scenario, d.id, d.name
ORDER BY judged.scenario, s.id, d.id
""")

_ORIGINALS = text("""
SELECT d.name AS dataset, p.token_ids[33:256] AS token_ids
FROM passage p JOIN dataset d ON d.id = p.dataset_id
WHERE p.study_id = :study AND p.state = 'accepted'
""")

_MADE_BY = text("""
SELECT now() AS queried_at, r.name || ' ' || left(r.sha256, 12) AS tokenizer
FROM reference_tokens r WHERE r.sha256 = :sha256
""")


def study_results(session: Session, study: Study) -> Results:
    """Every system, scenario and dataset of the study, as they stand now."""
    parameters = {"study": study.id}
    originals = _original_ttrs(session, study)
    systems: dict[tuple[int, str], SystemResult] = {}
    for row in session.execute(_RESULTS, parameters):
        key = (row.scenario, row.system)
        result = systems.setdefault(key, SystemResult(row.system, row.scenario, []))
        result.datasets.append(_dataset_result(row, originals.get((row.dataset, row.scenario))))
    made_by = session.execute(_MADE_BY, {"sha256": study.reference_tokens_sha256}).one()
    return Results(study.slug, list(systems.values()), made_by.queried_at, made_by.tokenizer)


def _dataset_result(row: Row[Any], original_ttr: float | None) -> DatasetResult:
    verdicts = Verdicts(row.candidate, row.equal, row.reference)
    return DatasetResult(row.dataset, verdicts, row.wanted, row.continuations, row.recalled, row.mean_ttr, original_ttr)


def _original_ttrs(session: Session, study: Study) -> dict[tuple[str, int], float]:
    """Mean TTR of the originals by dataset and scenario, over the same windows as the candidates'."""
    ratios: dict[tuple[str, int], list[float]] = {}
    for dataset, token_ids in session.execute(_ORIGINALS, {"study": study.id}):
        for scenario, window in SCENARIO_WINDOWS.items():
            ratios.setdefault((dataset, scenario), []).append(windowed_ttr(token_ids, window))
    return {key: sum(values) / len(values) for key, values in ratios.items()}
