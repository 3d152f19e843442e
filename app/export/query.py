"""The export's rows: one for each annotation or skip, and for each system that shares the comparison.

The columns and their order are a contract (DESIGN s8 of the documentation: scripts rely on them).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql
from sqlalchemy.orm import Session

from app.domain.formulas import FORMULA_STARTS
from app.domain.studies import names_in
from app.errors import NotFoundError
from app.models import Study
from app.models.annotation import AnnotationStatus
from app.models.system import SCENARIOS

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
    "modality",
)
# Why the comparison was given, which tells a skipped repeat from a skipped study comparison; bundles have it.
KIND_COLUMN = "kind"
TEXT_COLUMNS = ("context", "reference_text", "candidate_text")

SKIPPED = "skipped"
STATUSES = (*(str(status) for status in AnnotationStatus), SKIPPED)

# Texts that people or models wrote. Everything else is a number, a time or a word of ours.
GUARDED = frozenset({"study", "dataset", "system", "checkpoint", *TEXT_COLUMNS})


@dataclass(frozen=True)
class ExportFilter:
    """Which rows of a study; each is a choice of several, and empty means all."""

    datasets: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    scenarios: tuple[int, ...] = ()


# Sorted while the rows are narrow; texts are looked up for each afterwards, or a large study's would be sorted on disk.
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
           s.modality, a.kind
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
    WHERE a.study_id = {study} AND (n.id IS NOT NULL OR a.state = 'skipped'){chosen}
    ORDER BY a.id, n.id, y.id
) AS narrow
"""
_TEXTS = {
    "context": "(SELECT p.context FROM passage p WHERE p.id = narrow.passage_id)",
    "reference_text": "(SELECT c.reference_text FROM comparison c WHERE c.id = narrow.comparison_id)",
    "candidate_text": "(SELECT c.candidate_text FROM comparison c WHERE c.id = narrow.comparison_id)",
}
# OFFSET keeps the planner from looking a text up once to ask whether it is a formula and once more for itself.
_GUARDED_ROWS = "SELECT {columns} FROM ({rows} OFFSET 0) AS whole"

# What each choice of a filter is of; kept apart from a query without choices, which is the usual one.
_CHOICES = {
    "datasets": "d.name = ANY({values})",
    "systems": "y.name = ANY({values})",
    "statuses": "coalesce(n.status, 'skipped') = ANY({values})",
    "scenarios": "c.scenario = ANY({values})",
}


def check_filter(session: Session, study: Study, wanted: ExportFilter) -> None:
    """Raises NotFoundError for a choice of what the study has not, naming what it has."""
    datasets, systems = names_in(session, study)
    known = {"datasets": datasets, "systems": systems, "statuses": STATUSES, "scenarios": SCENARIOS}
    for kind, there in known.items():
        absent = [one for one in getattr(wanted, kind) if one not in there]
        if absent:
            has = ", ".join(map(str, there)) or "none"
            raise NotFoundError(f"The study {study.slug!r} has no {kind} {absent[0]!r} ({kind}: {has}).")


def rows(study: Study, wanted: ExportFilter, *, columns: Sequence[str], guarded: bool) -> sql.Composed:
    """The SELECT; `guarded` puts a quote before cells that a spreadsheet would take for a formula."""
    plain = [sql.SQL("{} AS {}").format(_value(name), sql.Identifier(name)) for name in columns]
    chosen = [
        sql.SQL(f" AND {condition}").format(values=sql.Literal(list(getattr(wanted, kind))))
        for kind, condition in _CHOICES.items()
        if getattr(wanted, kind)
    ]
    select = sql.SQL(_ROWS).format(
        columns=sql.SQL(", ").join(plain), study=sql.Literal(study.id), chosen=sql.SQL("").join(chosen)
    )
    if not guarded:
        return select
    shown = [_guard(name) if name in GUARDED else sql.Identifier(name) for name in columns]
    return sql.SQL(_GUARDED_ROWS).format(columns=sql.SQL(", ").join(shown), rows=select)


def _value(name: str) -> sql.Composable:
    return sql.SQL(_TEXTS[name]) if name in _TEXTS else sql.Identifier("narrow", name)


def _guard(name: str) -> sql.Composed:
    return sql.SQL("CASE WHEN {name} ~ {starts} THEN chr(39) || {name} ELSE {name} END AS {name}").format(
        name=sql.Identifier(name), starts=sql.Literal(FORMULA_STARTS)
    )
