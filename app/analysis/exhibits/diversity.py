"""Table 2: how much the texts of a system resemble each other."""

from typing import Any

from matplotlib.figure import Figure

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Cell, Column, Drawing, Exhibit, Kind
from metrics.bleu import SMOOTHING
from metrics.plots.ranges import Panel, Range, ranges
from metrics.plots.style import Theme
from metrics.signature import Signature
from metrics.ttr import FIRST_96

NOT_MEASURED = "Nothing is measured yet: start it above, or by `toprank measure`."

_TABLE_2 = (
    Column("system", "System"),
    Column("self_bleu_mean", "Self-BLEU, mean", Kind.SHARE),
    Column("self_bleu_max", "Self-BLEU, max", Kind.SHARE),
    Column("texts", "n", Kind.COUNT),
)


def table_2(evidence: Evidence) -> Exhibit:
    """Systems: of each text the highest BLEU against another of the same system; mean and maximum of these."""
    rows = tuple(_row(system.name, found) for system, found in evidence.measured)
    return Exhibit(
        key="table-2",
        name="Table 2",
        title=_most_diverse(rows),
        caption="How much a text resembles the most similar other text of its system: mean and maximum over texts.",
        columns=_TABLE_2,
        rows=rows,
        signatures=(
            str(
                Signature(
                    "Self-BLEU",
                    "sentence BLEU-4 on token ids, highest over pairs, self excluded by index",
                    n=sum(found["texts"] for _, found in evidence.measured),
                    window=str(FIRST_96),
                    smoothing=SMOOTHING,
                    tokenizer=evidence.tokenizer,
                )
            ),
        ),
        notes=("Texts or training sets of some systems changed since they were measured.",)
        if evidence.is_outdated and rows
        else (),
        missing=None if rows else NOT_MEASURED,
        draw=_dots(rows) if rows else None,
    )


def _row(name: str, found: dict[str, Any]) -> tuple[Cell, ...]:
    return (name, *(found.get(column.key) for column in _TABLE_2[1:]))


def _dots(rows: tuple[tuple[Cell, ...], ...]) -> Drawing:
    names = [str(row[0]) for row in rows]

    def column(at: int) -> list[Range]:
        return [Range(value if isinstance(value := row[at], float) else None) for row in rows]

    def draw(theme: Theme) -> Figure:
        series = {"mean": column(1), "max": column(2)}
        return ranges(names, [Panel("Self-BLEU", series)], unit="BLEU", theme=theme, limits=(0, 1))

    return draw


def _most_diverse(rows: tuple[tuple[Cell, ...], ...]) -> str:
    known = [(row[1], row[0]) for row in rows if isinstance(row[1], float)]
    if not known:
        return "Too few texts to compare"
    score, name = min(known)
    return f"{name} is most diverse: its texts resemble the nearest other one with a BLEU of {100 * float(score):.1f} %"
