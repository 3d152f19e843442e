"""How values spread within groups: Figures 3 and 9 left."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from metrics.consensus import central_share
from metrics.plots.style import PALETTES, Theme, empty

# Dots of a group are spread over this part of its row.
SPREAD = 0.32


def distributions(
    groups: Mapping[str, NDArray[np.float64]],
    *,
    unit: str,
    theme: Theme = "light",
    grey: Sequence[str] = (),
    only_central: bool = False,
    limits: tuple[float, float] | None = None,
    seed: int = 0,
) -> Figure:
    """A row of dots for each group, with its quartiles; groups in `grey` are drawn as background.

    Every value is a dot, so that a group of five looks like five; with `only_central` those outside the 2.5-97.5 %
    quantiles are left out of the drawing, and counted beside it. Raises ValueError without any value.
    """
    if not groups or all(len(values) == 0 for values in groups.values()):
        raise ValueError("There is nothing to draw.")
    palette = PALETTES[theme]
    figure, (axes,) = empty(theme, rows=2.2 * len(groups))
    generator = np.random.default_rng(seed)
    coloured = 0
    labels = []
    for row, (name, values) in enumerate(groups.items()):
        colour = palette.grey if name in grey else palette.colour(coloured)
        coloured += name not in grey
        drawn = values[central_share(values)] if only_central else values
        labels.append(_label(name, len(values), len(values) - len(drawn)))
        if len(values) == 0:
            continue
        heights = row + generator.uniform(-SPREAD, SPREAD, len(drawn))
        axes.plot(drawn, heights, ".", color=colour, markersize=4, alpha=0.55, markeredgewidth=0)
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        axes.plot([low, high], [row, row], color=palette.ink, linewidth=1.2)
        axes.plot([middle], [row], marker="|", color=palette.ink, markersize=14, markeredgewidth=2)
    axes.set_yticks(range(len(groups)), labels, parse_math=False)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlabel(f"{unit}; line: quartiles, bar: median", color=palette.ink, fontsize=8)
    if limits:
        axes.set_xlim(*limits)
    return figure


def _label(name: str, values: int, hidden: int) -> str:
    return f"{name}\n(n = {values:,}{f', {hidden:,} not drawn' if hidden else ''})"
