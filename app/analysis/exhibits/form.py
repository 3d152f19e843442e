"""What form gives away: how far the two sides of a comparison can be told without reading them."""

from matplotlib.figure import Figure

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Cell, Column, Drawing, Exhibit, Kind
from app.analysis.exhibits.diversity import NOT_MEASURED
from app.analysis.form import LEAST_TTR
from metrics.form import FEWEST_PAIRS, FOLDS, PENALTY
from metrics.plots.ranges import Panel, Range, ranges
from metrics.plots.style import Theme
from metrics.signature import Signature

MOST_GIVEN_AWAY = 0.6

_FORM = (
    Column("system", "System"),
    Column("scenario", "Tokens"),
    Column("display_auc", "AUC by display", Kind.NUMBER, digits=2),
    Column("display_low", "from", Kind.NUMBER, digits=2, joins=" ({}"),
    Column("display_high", "to", Kind.NUMBER, digits=2, joins="–{})"),
    Column("writing_auc", "AUC by writing", Kind.NUMBER, digits=2),
    Column("writing_low", "from", Kind.NUMBER, digits=2, joins=" ({}"),
    Column("writing_high", "to", Kind.NUMBER, digits=2, joins="–{})"),
    Column("pairs", "n", Kind.COUNT),
)


def form(evidence: Evidence) -> Exhibit:
    """How well a classifier that does not read tells each system's texts from the originals."""
    rows = tuple(_rows(evidence))
    signature = Signature(
        "AUC",
        f"ridge ({PENALTY:g}) logistic regression on form alone, {FOLDS} folds of pairs, TTR of the last 96 at least "
        f"{LEAST_TTR}",
        n=sum(int(str(row[-1])) for row in rows),
        unit="pairs",
    )
    return Exhibit(
        key="form",
        name="What form gives away",
        title=_finding(rows),
        caption="How often a classifier that sees no words ranks a system’s text above an original one (0.5 is "
        "guessing), among pairs that do not loop: by what the display decides (first and last characters, markup, "
        "spacing, kinds of quotes and dashes), and by how the writer writes (lengths, and how often each mark comes).",
        columns=_FORM,
        rows=rows,
        signatures=(str(signature),),
        notes=(
            "The first should be near 0.5, or a page gives systems away. The second is style, which annotators judge.",
        ),
        missing=None if rows else _why(evidence),
        draw=_dots(rows) if rows else None,
    )


def _rows(evidence: Evidence) -> list[tuple[Cell, ...]]:
    return [
        (
            system.name,
            scenario,
            *(kinds[kind][key] for kind in ("display", "writing") for key in ("auc", "low", "high")),
            kinds["display"]["pairs"],
        )
        for system, found in evidence.measured
        for scenario, kinds in found.get("form", {}).items()
    ]


def _why(evidence: Evidence) -> str:
    few = f"No system has {FEWEST_PAIRS} comparisons in one scenario whose texts do not loop."
    return few if evidence.measured else NOT_MEASURED


def _dots(rows: tuple[tuple[Cell, ...], ...]) -> Drawing:
    names = [f"{row[0]} ({row[1]})" for row in rows]

    def column(at: int) -> list[Range]:
        limits = [[float(str(cell)) for cell in row[at : at + 3]] for row in rows]
        return [Range(auc, low, high, line=0.5) for auc, low, high in limits]

    def draw(theme: Theme) -> Figure:
        panels = [Panel("display", {"": column(2)}), Panel("writing", {"": column(5)})]
        return ranges(names, panels, unit="AUC, 95 % interval", theme=theme, line_name="guessing", limits=(0, 1))

    return draw


def _finding(rows: tuple[tuple[Cell, ...], ...]) -> str:
    if not rows:
        return "Too early to say what form gives away"
    auc, system = max((float(str(row[2])), str(row[0])) for row in rows)
    if auc <= MOST_GIVEN_AWAY:
        return f"The display gives no system away: AUC at most {auc:.2f}"
    return f"The display may give {system} away: AUC {auc:.2f}"
