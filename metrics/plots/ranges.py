"""Values with their intervals, one line for each: Tables 1 and 4, paired differences, entropy and masses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metrics.plots.style import MARKERS, PALETTES, Palette, Theme, empty, write_legend


@dataclass(frozen=True)
class Range:
    """One value; None is not drawn. `line` is what it is held against, such as parity."""

    value: float | None
    low: float | None = None
    high: float | None = None
    line: float | None = None


@dataclass(frozen=True)
class Panel:
    """One set of axes: its title, and for each series a range for each row."""

    title: str
    series: Mapping[str, Sequence[Range]]


def ranges(
    rows: Sequence[str],
    panels: Sequence[Panel],
    *,
    unit: str,
    theme: Theme = "light",
    line_name: str = "parity",
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Dots with intervals, rows from top to bottom, panels side by side with the same unit.

    Raises ValueError without rows or panels, or where a series has another number of ranges than there are rows.
    """
    if not rows or not panels:
        raise ValueError("There is nothing to draw.")
    if any(len(one) != len(rows) for panel in panels for one in panel.series.values()):
        raise ValueError("Each series needs a range for each row.")
    palette = PALETTES[theme]
    figure, axes = empty(theme, rows=len(rows), columns=len(panels))
    for panel, one in zip(panels, axes, strict=True):
        _draw(one, panel, palette, line_name)
        one.set_title(panel.title, loc="left", fontsize=9, color=palette.ink)
        one.set_xlabel(unit, color=palette.ink, fontsize=8)
        if limits:
            one.set_xlim(*limits)
    axes[0].set_yticks(range(len(rows)), rows, parse_math=False)
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    write_legend(figure, axes[0], palette)
    return figure


def _draw(axes: Axes, panel: Panel, palette: Palette, line_name: str) -> None:
    step = 0.6 / len(panel.series)
    for number, (name, series) in enumerate(panel.series.items()):
        colour = palette.colour(number)
        shift = (number - (len(panel.series) - 1) / 2) * step
        drawn = [(row + shift, one) for row, one in enumerate(series) if one.value is not None]
        for height, one in drawn:
            if one.low is not None and one.high is not None:
                axes.plot([one.low, one.high], [height, height], color=colour, linewidth=1.6, solid_capstyle="butt")
        axes.plot(
            [one.value for _, one in drawn if one.value is not None],
            [height for height, _ in drawn],
            linestyle="none",
            marker=MARKERS[number % len(MARKERS)],
            markersize=5,
            color=colour,
            label=name if len(panel.series) > 1 or name else None,
        )
        lines = [(height, one.line) for height, one in drawn if one.line is not None]
        axes.plot(
            [line for _, line in lines],
            [height for height, _ in lines],
            linestyle="none",
            marker="|",
            markersize=11,
            markeredgewidth=1.4,
            color=palette.ink,
            label=line_name if lines and number == 0 else None,
        )
