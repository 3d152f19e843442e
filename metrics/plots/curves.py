"""Lines over steps, lengths or sample counts: Figures 2, 5 right and 9 right."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from metrics.plots.style import LINES, MARKERS, PALETTES, Theme, dress, empty, unlike, write_legend


@dataclass(frozen=True)
class Curve:
    """One line; `dots` also marks its points. On the `right` axis where it has another unit."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dots: bool = False
    right: bool = False


def curves(
    lines: Sequence[Curve],
    *,
    x_unit: str,
    y_unit: str,
    right_unit: str = "",
    theme: Theme = "light",
    logarithmic: bool = False,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """All curves in one set of axes, those of another unit on a second scale. Raises ValueError without curves."""
    if not lines:
        raise ValueError("There is nothing to draw.")
    palette = PALETTES[theme]
    figure, (axes,) = empty(theme, rows=9)
    second = axes.twinx() if any(line.right for line in lines) else None
    if second is not None:
        dress(second, palette)
        second.grid(visible=False)
        second.set_ylabel(right_unit, color=palette.ink, fontsize=8)
    for number, line in enumerate(lines):
        target = second if line.right and second is not None else axes
        label = f"{line.name} (right)" if line.right else line.name
        (drawn,) = target.plot(line.x, line.y, color=palette.colour(number), linewidth=1.6, label=label)
        style = LINES[unlike(number, len(LINES))]
        drawn.set_linestyle(style)
        drawn.set_marker(MARKERS[number % len(MARKERS)] if line.dots or len(line.x) == 1 else "")
        drawn.set_markersize(4.5)
        if target is not axes:
            (sample,) = axes.plot([], [], color=palette.colour(number), linestyle=style, label=label)
            sample.set(marker=drawn.get_marker(), markersize=4.5)
    if logarithmic:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if limits:
        axes.set_ylim(*limits)
    axes.set_xlabel(x_unit, color=palette.ink, fontsize=8)
    axes.set_ylabel(y_unit, color=palette.ink, fontsize=8)
    write_legend(figure, axes, palette)
    return figure
