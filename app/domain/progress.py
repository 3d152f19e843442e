"""How far a study is: texts made, comparisons judged, tokens a second. Never what people prefer."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.models import Study
from app.models.system import GenerationState


@dataclass(frozen=True)
class Cell:
    """One system, dataset and scenario: annotations that count, of those wanted; comparisons shared count for each."""

    dataset: str
    scenario: int
    annotations: int
    wanted: int
    comparisons: int
    recalled: int

    @property
    def share(self) -> float:
        """How full, in [0, 1]; 0 while nothing is wanted yet."""
        return self.annotations / self.wanted if self.wanted else 0.0


@dataclass(frozen=True)
class SystemProgress:
    """One system: its continuations, of the accepted passages, and its cells.

    `unjudged` continuations are for automatic metrics alone; `trained` is the id of a checkpoint that is still being
    trained, which the system waits for. Where citations are blocked: steps at which its last
    tokens stood in the training set, and those that it changed.
    """

    name: str
    state: GenerationState
    reason: str | None
    continuations: int
    unjudged: int
    passages: int
    tokens_per_second: float | None
    paused: bool
    trained: int | None
    cited_steps: int | None
    blocked_steps: int | None
    cells: list[Cell]

    @property
    def share(self) -> float:
        """How much of its text is written, in [0, 1]."""
        return self.continuations / self.passages if self.passages else 0.0

    def cell(self, dataset: str, scenario: int) -> Cell | None:
        """The system's cell in a column; None where it has none."""
        return next((one for one in self.cells if (one.dataset, one.scenario) == (dataset, scenario)), None)

    @property
    def is_idle(self) -> bool:
        """Whether it could be queued."""
        return not (self.is_under_way or self.paused or self.trained)

    @property
    def is_under_way(self) -> bool:
        """Whether it waits for a worker or is being written."""
        return self.state in (GenerationState.QUEUED, GenerationState.RUNNING)


@dataclass(frozen=True)
class DatasetProgress:
    """One dataset's passages by state; `reserved` ones serve gold and practice, `edited` are left out."""

    name: str
    accepted: int
    pending: int
    rejected: int
    reserved: int
    edited: int


@dataclass(frozen=True)
class ScoringProgress:
    """How many of the judged passages a checkpoint has read, and why it could not go on."""

    checkpoint: str
    state: GenerationState
    reason: str | None
    scored: int
    passages: int


@dataclass(frozen=True)
class StudyProgress:
    """Everything that the study's page shows."""

    systems: list[SystemProgress]
    datasets: list[DatasetProgress]
    scorings: list[ScoringProgress]
    comparisons: int
    annotations: int
    wanted: int

    @property
    def share(self) -> float:
        """How much of what is released has been judged, in [0, 1]."""
        return self.annotations / self.wanted if self.wanted else 0.0

    @property
    def is_to_be_queued(self) -> bool:
        """Whether some system lacks texts and neither waits, is paused, nor waits for its checkpoint."""
        return any(one.continuations < one.passages and one.is_idle for one in self.systems)

    @property
    def is_scored(self) -> bool:
        """Whether every checkpoint has read every judged passage."""
        return all(one.scored >= one.passages for one in self.scorings)


_SYSTEMS = text("""
SELECT s.id, s.name, s.state, s.reason, s.generated_tokens, s.generation_seconds, s.paused,
       CASE WHEN k.state = 'training' THEN k.id END AS trained,
       (SELECT count(*) FROM continuation c WHERE c.system_id = s.id) AS continuations,
       (SELECT count(*) FROM continuation c JOIN passage p ON p.id = c.passage_id
        WHERE c.system_id = s.id AND p.unjudged) AS unjudged,
       (SELECT count(*) FROM passage p WHERE p.study_id = s.study_id AND p.state = 'accepted') AS passages,
       (SELECT sum(c.citation_matches) FROM continuation c WHERE c.system_id = s.id) AS cited_steps,
       (SELECT sum(c.citation_blocks) FROM continuation c WHERE c.system_id = s.id) AS blocked_steps
FROM system s JOIN checkpoint k ON k.id = s.checkpoint_id WHERE s.study_id = :study ORDER BY s.id
""")

_CELLS = text("""
SELECT n.system_id, d.name AS dataset, y.scenario,
       coalesce(sum(c.answered) FILTER (WHERE c.number IS NOT NULL AND NOT c.withdrawn), 0) AS annotations,
       coalesce(sum(c.quota) FILTER (WHERE c.number IS NOT NULL AND NOT c.withdrawn), 0) AS wanted,
       count(c.id) FILTER (WHERE c.number IS NOT NULL AND NOT c.withdrawn) AS comparisons,
       count(*) FILTER (WHERE c.id IS NULL) AS recalled
FROM continuation n
JOIN passage p ON p.id = n.passage_id
JOIN dataset d ON d.id = p.dataset_id
JOIN candidacy y ON y.continuation_id = n.id
LEFT JOIN comparison c ON c.id = y.comparison_id
WHERE n.study_id = :study
GROUP BY n.system_id, d.id, d.name, y.scenario
ORDER BY n.system_id, d.id, y.scenario
""")

_DATASETS = text("""
SELECT d.name, count(p.id) FILTER (WHERE p.state = 'accepted') AS accepted,
       count(p.id) FILTER (WHERE p.state = 'pending') AS pending,
       count(p.id) FILTER (WHERE p.state = 'rejected') AS rejected,
       count(p.id) FILTER (WHERE p.state = 'reserved') AS reserved,
       count(p.id) FILTER (WHERE p.state = 'edited') AS edited
FROM dataset d LEFT JOIN passage p ON p.dataset_id = d.id
WHERE d.study_id = :study GROUP BY d.id, d.name ORDER BY d.id
""")

_SCORINGS = text("""
WITH judged AS (SELECT id FROM passage WHERE study_id = :study AND state = 'accepted' AND NOT unjudged)
SELECT k.name, coalesce(g.state, 'idle') AS state, g.reason,
       (SELECT count(*) FROM score r JOIN judged ON judged.id = r.passage_id WHERE r.checkpoint_id = k.id) AS scored,
       (SELECT count(*) FROM judged) AS passages
FROM checkpoint k LEFT JOIN scoring g ON g.checkpoint_id = k.id AND g.study_id = :study
WHERE k.id IN (SELECT checkpoint_id FROM system WHERE study_id = :study) ORDER BY k.id
""")

_TOTALS = text("""
SELECT count(*) AS comparisons, coalesce(sum(answered), 0) AS annotations, coalesce(sum(quota), 0) AS wanted
FROM comparison WHERE study_id = :study AND number IS NOT NULL AND NOT withdrawn
""")


def study_progress(session: Session, study: Study) -> StudyProgress:
    """How far the study is, by five queries whatever its size."""
    parameters = {"study": study.id}
    cells: dict[int, list[Cell]] = {}
    for row in session.execute(_CELLS, parameters):
        cells.setdefault(row.system_id, []).append(Cell(*row[1:]))
    totals = session.execute(_TOTALS, parameters).one()
    return StudyProgress(
        [_system_progress(row, cells.get(row.id, [])) for row in session.execute(_SYSTEMS, parameters)],
        dataset_progress(session, study),
        [_scoring_progress(row) for row in session.execute(_SCORINGS, parameters)],
        totals.comparisons,
        totals.annotations,
        totals.wanted,
    )


def columns(progress: StudyProgress) -> list[tuple[str, int]]:
    """Every dataset and scenario that some system is judged in: the columns of one picture of them all."""
    order = {dataset.name: place for place, dataset in enumerate(progress.datasets)}
    found = {(cell.dataset, cell.scenario) for system in progress.systems for cell in system.cells}
    return sorted(found, key=lambda column: (order[column[0]], column[1]))


def dataset_progress(session: Session, study: Study) -> list[DatasetProgress]:
    """The study's datasets, in the order they were added, with their passages by state."""
    return [DatasetProgress(*row) for row in session.execute(_DATASETS, {"study": study.id})]


def _system_progress(row: Row[Any], cells: list[Cell]) -> SystemProgress:
    speed = row.generated_tokens / row.generation_seconds if row.generation_seconds else None
    state = GenerationState(row.state)
    totals = (row.cited_steps, row.blocked_steps)
    return SystemProgress(
        row.name,
        state,
        row.reason,
        row.continuations,
        row.unjudged,
        row.passages,
        speed,
        row.paused,
        row.trained,
        *totals,
        cells,
    )


def _scoring_progress(row: Row[Any]) -> ScoringProgress:
    return ScoringProgress(row.name, GenerationState(row.state), row.reason, row.scored, row.passages)
