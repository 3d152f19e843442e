"""Table 6: base and instruction-tuned checkpoints, original and hyperfitted, side by side."""

from typing import NamedTuple

from matplotlib.figure import Figure
from sqlalchemy import text

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Cell, Column, Drawing, Exhibit, Kind
from app.analysis.exhibits.sharpness import NOT_SCORED
from metrics.plots.ranges import Panel, Range, ranges
from metrics.plots.style import Theme
from metrics.signature import Signature

_COLUMNS = (
    Column("system", "System"),
    Column("tuning", "Tuning"),
    Column("training", "Training"),
    Column("prompt", "Prompt", in_paper=False),
    Column("ttr_128", "TTR at 128", Kind.SHARE),
    Column("ttr", "TTR at 256", Kind.SHARE),
    Column("perplexity", "Perplexity", Kind.NUMBER),
    Column("top1_mass", "Top-1 mass", Kind.SHARE),
    Column("top3_mass", "Top-3 mass", Kind.SHARE),
    Column("original", "Its original"),
    Column("ttr_change", "TTR, change (points)", Kind.DIFFERENCE),
    Column("top1_change", "Top-1, change (points)", Kind.DIFFERENCE),
)

# A hyperfitted checkpoint is tuned as its base was; its original writes with the same prompt and decoding, unblocked.
# One of a run whose base nobody registered may have been trained from nothing as well.
_LINEAGES = text("""
SELECT s.id, k.instruct OR coalesce(b.instruct, false) AS instruct,
       CASE WHEN r.checkpoint_id IS NULL THEN 'original' WHEN r.base_id IS NULL THEN 'trained'
            ELSE 'hyperfitted' END AS training,
       s.chat_template, (
           SELECT o.name FROM system o
           WHERE o.study_id = s.study_id AND o.checkpoint_id = r.base_id AND o.chat_template = s.chat_template
             AND o.strategy = s.strategy AND NOT o.block_citations ORDER BY o.id LIMIT 1) AS original
FROM system s JOIN checkpoint k ON k.id = s.checkpoint_id
LEFT JOIN hyperfit_run r ON r.checkpoint_id = k.id
LEFT JOIN checkpoint b ON b.id = r.base_id
WHERE s.study_id = :study ORDER BY s.id
""")


class _Row(NamedTuple):
    system: str
    tuning: str
    training: str
    prompt: str
    ttr_128: float | None
    ttr: float | None
    perplexity: float
    top1_mass: float
    top3_mass: float
    original: str | None


def table_6(evidence: Evidence) -> Exhibit:
    """Systems: TTR of the tail at both lengths, perplexity of the contexts, top-1 and top-3 mass, and the change."""
    rows = _rows(evidence)
    return Exhibit(
        key="table-6",
        name="Table 6",
        title=_finding(rows),
        caption="Base, instruction-tuned and hyperfitted checkpoints: the TTR of the last 96 tokens, the perplexity of "
        "the contexts, the mass of the likeliest tokens, and how a hyperfitted one differs from its original.",
        columns=_COLUMNS,
        rows=tuple((*row, *_changes(row, rows)) for row in rows),
        signatures=(
            str(
                Signature(
                    "TTR, perplexity, masses",
                    "TTR: mean over datasets; the others pooled over tokens, read without a chat template",
                    n=sum(one.passages for one in evidence.datasets),
                    unit="contexts",
                    window=", ".join(str(evidence.scenario_windows[one]) for one in evidence.scenarios),
                    tokenizer=evidence.tokenizer,
                )
            ),
        ),
        missing=None if rows else NOT_SCORED,
        draw=_tails(rows) if rows else None,
    )


def _rows(evidence: Evidence) -> list[_Row]:
    ttr = {(result.system.id, result.scenario): result.mean_ttr for result in evidence.preferences}
    lineages = {row.id: row for row in evidence.session.execute(_LINEAGES, {"study": evidence.study.id})}
    rows = []
    for system in evidence.systems:
        score, lineage = evidence.scores.get(system.checkpoint), lineages[system.id]
        if score is not None:
            rows.append(
                _Row(
                    system.name,
                    "instruct" if lineage.instruct else "base",
                    lineage.training,
                    "chat template" if lineage.chat_template else "context",
                    ttr.get((system.id, 128)),
                    ttr.get((system.id, 256)),
                    score.perplexity,
                    score.top1_mass,
                    score.top3_mass,
                    lineage.original,
                )
            )
    return rows


def _changes(row: _Row, rows: list[_Row]) -> tuple[Cell, Cell]:
    original = next((one for one in rows if one.system == row.original), None)
    if original is None:
        return None, None
    ttr = None if row.ttr is None or original.ttr is None else row.ttr - original.ttr
    return ttr, row.top1_mass - original.top1_mass


def _tails(rows: list[_Row]) -> Drawing:
    names = [row.system for row in rows]

    def draw(theme: Theme) -> Figure:
        series = {
            "TTR, last 96": [Range(row.ttr) for row in rows],
            "top-1 mass": [Range(row.top1_mass) for row in rows],
            "top-3 mass": [Range(row.top3_mass) for row in rows],
        }
        return ranges(names, [Panel("", series)], unit="share", theme=theme, limits=(0, 1))

    return draw


def _finding(rows: list[_Row]) -> str:
    if not rows:
        return "Nothing is scored yet"
    changed = [change for row in rows if isinstance(change := _changes(row, rows)[0], float)]
    if not changed:
        return "Sharper predictions beside the TTR of what is written"
    rose = sum(change > 0 for change in changed)
    return f"The TTR rose with hyperfitting in {rose} of {len(changed)} systems"
