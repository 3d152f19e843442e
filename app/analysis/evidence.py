"""What the database knows of a study, as arrays that every table and figure is made of.

Each part is read when the first exhibit asks for it, so that one figure alone costs one or two queries.
"""

from datetime import datetime
from functools import cached_property
from typing import Any, cast

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.analysis.measuring import measurements, outdated
from app.analysis.preferences import SystemResult, preference_results
from app.analysis.rows import COUNTED, WITHDRAWN, Answers, Continuations, DatasetFacts, StudyRows, SystemFacts
from app.analysis.withdrawn import WithdrawnAnnotators
from app.domain.images import Palette
from app.domain.protocol import contrasts
from app.domain.scores import ScoreSummary, score_summaries
from app.domain.studies import study_palette
from app.models import Study
from app.models.study import Modality
from app.models.system import SCENARIOS
from metrics.ttr import SCENARIO_WINDOWS, Window, image_windows, sliding_ttr_of_rows, windowed_ttr

_SYSTEMS = text("""
SELECT s.id, s.name, s.checkpoint_id, k.name AS checkpoint, s.strategy, s.block_citations, s.scenarios
FROM system s JOIN checkpoint k ON k.id = s.checkpoint_id WHERE s.study_id = :study ORDER BY s.id
""")

_DATASETS = text("""
SELECT d.id, d.name, count(p.id) FILTER (WHERE p.state = 'accepted' AND NOT p.unjudged) AS passages
FROM dataset d LEFT JOIN passage p ON p.dataset_id = d.id
WHERE d.study_id = :study GROUP BY d.id, d.name ORDER BY d.id
""")

# Both big queries go to the driver as they are: SQLAlchemy's rows would cost more than the database.
_ANSWERS = """
SELECT t.system_id, c.scenario, p.dataset_id, a.passage_id, a.comparison_id, a.annotator_id,
       CASE n.verdict WHEN 'candidate' THEN 0 WHEN 'equal' THEN 1 WHEN 'reference' THEN 2 ELSE -1 END,
       CASE n.status WHEN 'counted' THEN 0 WHEN 'surplus' THEN 1 WHEN 'withdrawn' THEN 2 ELSE 3 END,
       a.candidate_first::int, a.passage_exposure
FROM assignment a
JOIN comparison c ON c.id = a.comparison_id
JOIN candidacy q ON q.comparison_id = c.id
JOIN continuation t ON t.id = q.continuation_id
JOIN passage p ON p.id = a.passage_id
LEFT JOIN annotation n ON n.assignment_id = a.id AND n.status IN ('counted', 'surplus', 'withdrawn')
WHERE a.study_id = %(study)s AND a.kind = 'study' AND (n.id IS NOT NULL OR a.state = 'skipped')
ORDER BY a.id, t.system_id
"""

_CONTINUATIONS = """
SELECT t.id, t.system_id, q.scenario, p.dataset_id, t.passage_id, coalesce(c.id, -1),
       CASE WHEN c.number IS NOT NULL AND NOT c.withdrawn THEN c.quota ELSE 0 END,
       CASE WHEN c.number IS NOT NULL AND NOT c.withdrawn THEN c.answered ELSE 0 END,
       CASE q.scenario WHEN 128 THEN t.ttr_128 ELSE t.ttr_256 END
FROM continuation t
JOIN passage p ON p.id = t.passage_id AND p.state = 'accepted' AND NOT p.unjudged
JOIN candidacy q ON q.continuation_id = t.id
LEFT JOIN comparison c ON c.id = q.comparison_id
WHERE t.study_id = %(study)s
ORDER BY t.id, q.scenario
"""

_ORIGINALS = text("""
SELECT p.dataset_id, p.token_ids[CASE WHEN p.width IS NULL THEN 33 ELSE p.width * p.width / 4 + 1 END :] AS token_ids
FROM passage p WHERE p.study_id = :study AND p.state = 'accepted' AND NOT p.unjudged ORDER BY p.id
""")

_CONTINUATION_STATES = text("""
SELECT t.system_id, concat_ws('.', count(*), sum(hashtext(concat_ws('.', t.id, t.ttr_256))::bigint)) FROM continuation t
JOIN passage p ON p.id = t.passage_id AND p.state = 'accepted' AND NOT p.unjudged
WHERE t.study_id = :study GROUP BY t.system_id
""")

# The newest decision on each annotator holds.
_WITHDRAWN = text("""
SELECT annotator_id FROM (
    SELECT DISTINCT ON (annotator_id) annotator_id, decision FROM review
    WHERE study_id = :study ORDER BY annotator_id, id DESC
) AS newest WHERE decision = 'withdrawn'
""")

_NOW = text("""
SELECT now() AS queried_at, r.name || ' ' || left(r.sha256, 12) AS tokenizer
FROM reference_tokens r WHERE r.sha256 = :sha256
""")


class Evidence:
    """One study at one moment; `chosen_passage` is the text of Figure 4, any scored one by default."""

    def __init__(
        self,
        session: Session,
        study: Study,
        *,
        withdrawn: WithdrawnAnnotators = WithdrawnAnnotators.BY_PROTOCOL,
        chosen_passage: int | None = None,
    ) -> None:
        self.session = session
        self.chosen_passage = chosen_passage
        self.study = study
        self.withdrawn = withdrawn
        now = session.execute(_NOW, {"sha256": study.reference_tokens_sha256}).one()
        self.queried_at: datetime = now.queried_at
        self.tokenizer: str = now.tokenizer

    @cached_property
    def systems(self) -> list[SystemFacts]:
        """In the order they were added."""
        rows = self.session.execute(_SYSTEMS, {"study": self.study.id})
        return [SystemFacts(*row)._replace(scenarios=tuple(row.scenarios)) for row in rows]

    @cached_property
    def datasets(self) -> list[DatasetFacts]:
        """In the order they were added."""
        return [DatasetFacts(*row) for row in self.session.execute(_DATASETS, {"study": self.study.id})]

    @cached_property
    def contrasts(self) -> list[tuple[str, str]]:
        """Pairs of systems, by name, that the protocol sets out to compare; none where the study only explores."""
        return contrasts(self.session, self.study)

    @cached_property
    def scenarios(self) -> list[int]:
        """Those that some system is judged in."""
        return [one for one in SCENARIOS if any(one in system.scenarios for system in self.systems)]

    @cached_property
    def answers(self) -> Answers:
        """Every answer and skip, whether it counts or not."""
        columns = self._columns(_ANSWERS, 10)
        return Answers(*(column.astype(np.int64) for column in columns))

    @cached_property
    def counted(self) -> Answers:
        """The annotations that ratios are of."""
        counts = self.answers.status == COUNTED
        if self.withdrawn is WithdrawnAnnotators.WITH:
            counts |= self.answers.status == WITHDRAWN
        if self.withdrawn is WithdrawnAnnotators.WITHOUT:
            left = list(self.session.scalars(_WITHDRAWN, {"study": self.study.id}))
            counts &= ~np.isin(self.answers.annotator, left)
        return self.answers.where(counts)

    @cached_property
    def continuations(self) -> Continuations:
        """Every continuation in every scenario."""
        *numbers, ttr = self._columns(_CONTINUATIONS, 9)
        return Continuations(ttr, *(column.astype(np.int64) for column in numbers))

    @cached_property
    def preferences(self) -> list[SystemResult]:
        """A result for each system in each of its scenarios."""
        return preference_results(
            StudyRows(
                self.systems,
                self.datasets,
                self.scenarios,
                self.counted,
                self.continuations,
                self.original_ttr,
                self.study.seed,
            )
        )

    @cached_property
    def scores(self) -> dict[str, ScoreSummary]:
        """What each scored checkpoint predicts over all judged passages, by its name."""
        every = score_summaries(self.session, self.study)
        return {summary.checkpoint: summary for summary in every if summary.dataset is None}

    @cached_property
    def measured(self) -> list[tuple[SystemFacts, dict[str, Any]]]:
        """What the measuring job found, for the systems that it has measured."""
        found = measurements(self.session, self.study)
        return [(system, found[system.id]) for system in self.systems if system.id in found]

    @cached_property
    def is_outdated(self) -> bool:
        """Whether a system's texts or training set changed since it was measured."""
        return bool(outdated(self.session, self.study))

    def perplexity_of(self, system: SystemFacts) -> float | None:
        """Perplexity of the contexts under the system's checkpoint; None until it is scored."""
        found = self.scores.get(system.checkpoint)
        return found.perplexity if found else None

    @cached_property
    def continuation_states(self) -> dict[int, str]:
        """By system, a word that changes with its continuations on accepted passages."""
        rows = self.session.execute(_CONTINUATION_STATES, {"study": self.study.id})
        return {system: state for system, state in rows}  # noqa: C416 a row is no pair to mypy

    @cached_property
    def _original_tokens(self) -> list[tuple[int, list[int]]]:
        return [(dataset, ids) for dataset, ids in self.session.execute(_ORIGINALS, {"study": self.study.id})]

    @cached_property
    def original_sliding(self) -> NDArray[np.float64] | None:
        """Mean TTR of the latest 96 tokens along the originals; None without passages."""
        tokens = [ids for _, ids in self._original_tokens]
        is_long = bool(tokens) and len(tokens[0]) >= SCENARIO_WINDOWS[256].stop
        return sliding_ttr_of_rows(np.array(tokens)[:, : SCENARIO_WINDOWS[256].stop]).mean(axis=0) if is_long else None

    @cached_property
    def original_ttr(self) -> dict[tuple[int, int], float]:
        """Mean TTR of the originals by dataset and scenario, over the same windows as the candidates'."""
        ratios: dict[tuple[int, int], list[float]] = {}
        for dataset, token_ids in self._original_tokens:
            for scenario, window in self.windows(len(token_ids)).items():
                ratios.setdefault((dataset, scenario), []).append(windowed_ttr(token_ids, window))
        return {key: sum(values) / len(values) for key, values in ratios.items()}

    def windows(self, generated: int) -> dict[int, Window]:
        """The window of the type-token ratio in each scenario, for so many tokens."""
        return image_windows(generated) if self.is_of_images else SCENARIO_WINDOWS

    @cached_property
    def scenario_windows(self) -> dict[int, Window]:
        """The window of the type-token ratio in each scenario, as continuations of this study have it."""
        return self.windows(self.palette.pixels - self.palette.prompt_pixels) if self.palette else SCENARIO_WINDOWS

    @cached_property
    def palette(self) -> Palette | None:
        """Of a study of images, their colours and size."""
        return study_palette(self.session, self.study)

    @property
    def is_of_images(self) -> bool:
        """Whether what is judged are images."""
        return self.study.modality is Modality.IMAGE

    def _columns(self, query: str, width: int) -> list[NDArray[np.float64]]:
        """The columns of a query whose values are all numbers; each an empty array without rows."""
        connection = cast("psycopg.Connection[object]", self.session.connection().connection.driver_connection)
        with connection.cursor() as cursor:
            rows = cursor.execute(query, {"study": self.study.id}).fetchall()
        table = np.array(rows, dtype=np.float64).reshape(-1, width)
        return list(table.T.copy())
