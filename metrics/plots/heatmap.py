"""A matrix with its values written into it: Table 5, Figure 5 left."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from metrics.plots.style import PALETTES, Theme, empty

# Characters of a column's name that fit over its column.
LONGEST_LEVEL = 14


def heatmap(
    values: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    unit: str,
    theme: Theme = "light",
) -> Figure:
    """Shares in [0, 1] by row and column, written in percent; NaN stays empty.

    Raises ValueError when the labels do not fit the matrix, or there is nothing in it.
    """
    if values.size == 0 or values.shape != (len(rows), len(columns)):
        raise ValueError("A heatmap needs a label for each row and column, and at least one of each.")
    palette = PALETTES[theme]
    figure, (axes,) = empty(theme, rows=1.2 * len(rows) + 1, width=min(7.2, 2.5 + 1.0 * len(columns)))
    colours = colormaps[palette.colour_map]
    axes.imshow(values, cmap=colours, vmin=0, vmax=1, aspect="auto")
    axes.grid(visible=False)
    # names that would run into each other lean, from where they point at
    leans = len(columns) > 4 or any(len(name) > LONGEST_LEVEL for name in columns)
    axes.set_xticks(range(len(columns)), columns, parse_math=False)
    if leans:
        for label in axes.get_xticklabels():
            label.set(rotation=25, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows, parse_math=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xlabel(unit, color=palette.ink, fontsize=8)
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            red, green, blue, _ = colours(float(value))
            is_light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
            ink = "#1c1d1b" if is_light else "#ffffff"
            axes.text(column, row, f"{100 * value:.1f}", ha="center", va="center", fontsize=8, color=ink)
    return figure
