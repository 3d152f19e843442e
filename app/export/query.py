"""The export's rows: one for each annotation or skip, and for each system that shares the comparison.

The columns and their order are a contract (DESIGN s8 of the documentation: scripts rely on them).
"""

from psycopg import sql

from app.domain.formulas import FORMULA_STARTS
from app.models import Study

COLUMNS = (
    "study",
    "annotation_id",
    "comparison_id",
    "annotator",
    "dataset",
    "passage_id",
    "system",
    "checkpoint",
    "decoding",
    "citation_blocked",
    "scenario",
    "reference",
    "shown_first",
    "verdict_shown",
    "verdict",
    "status",
    "passage_exposure",
    "claimed_at",
    "shown_at",
    "answered_at",
    "duration_ms",
    "candidate_ttr",
)
TEXT_COLUMNS = ("context", "reference_text", "candidate_text")

# Texts that people or models wrote. Everything else is a number, a time or a word of ours.
_GUARDED = {"study", "dataset", "system", "checkpoint", *TEXT_COLUMNS}

_ROWS = """
SELECT {columns} FROM (
    SELECT s.slug AS study, n.id AS annotation_id, c.id AS comparison_id,
           left(encode(sha256(s.secret || int8send(a.annotator_id)), 'hex'), 12) AS annotator,
           d.name AS dataset, p.id AS passage_id, y.name AS system, k.name AS checkpoint,
           y.strategy AS decoding, y.block_citations AS citation_blocked, c.scenario,
           'original' AS reference,
           CASE WHEN a.candidate_first THEN 'candidate' ELSE 'reference' END AS shown_first,
           n.verdict_shown, n.verdict, coalesce(n.status, 'skipped') AS status,
           a.passage_exposure, a.claimed_at, a.shown_at, coalesce(n.answered_at, a.ended_at) AS answered_at,
           n.duration_ms, CASE c.scenario WHEN 128 THEN t.ttr_128 ELSE t.ttr_256 END AS candidate_ttr,
           p.context, c.reference_text, c.candidate_text,
           a.id AS assignment_id, y.id AS system_id
    FROM assignment a
    JOIN study s ON s.id = a.study_id
    JOIN comparison c ON c.id = a.comparison_id
    JOIN passage p ON p.id = a.passage_id
    JOIN dataset d ON d.id = p.dataset_id
    LEFT JOIN annotation n ON n.assignment_id = a.id
    LEFT JOIN candidacy q ON q.comparison_id = c.id
    LEFT JOIN continuation t ON t.id = q.continuation_id
    LEFT JOIN system y ON y.id = t.system_id
    LEFT JOIN checkpoint k ON k.id = y.checkpoint_id
    WHERE a.study_id = {study} AND (n.id IS NOT NULL OR a.state = 'skipped')
) AS rows
ORDER BY assignment_id, annotation_id, system_id
"""


def rows(study: Study, *, texts: bool, guarded: bool) -> sql.Composed:
    """The SELECT; `guarded` puts a quote before cells that a spreadsheet would take for a formula."""
    names = COLUMNS + TEXT_COLUMNS if texts else COLUMNS
    columns = [_guard(name) if guarded and name in _GUARDED else sql.Identifier(name) for name in names]
    return sql.SQL(_ROWS).format(columns=sql.SQL(", ").join(columns), study=sql.Literal(study.id))


def _guard(name: str) -> sql.Composed:
    return sql.SQL("CASE WHEN {name} ~ {starts} THEN chr(39) || {name} ELSE {name} END AS {name}").format(
        name=sql.Identifier(name), starts=sql.Literal(FORMULA_STARTS)
    )
