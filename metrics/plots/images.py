"""Images side by side, row by row, as the paper shows completions (Fig. 6 and 11)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from metrics.plots.style import PALETTES, Theme

SIDE_INCHES = 0.8


def image_grid(titles: Sequence[str], rows: Sequence[Sequence[NDArray[np.uint8]]], *, theme: Theme = "light") -> Figure:
    """A column for each title, a row of square images (side, side, 3) for each of `rows`, every pixel a square.

    An image of fewer rows than it is wide is drawn at the top of its place. Raises ValueError for nothing to draw, or
    where a row has another number of images than there are titles.
    """
    if not rows or any(len(row) != len(titles) for row in rows):
        raise ValueError("A grid has at least one row, and in each an image for every title.")
    palette = PALETTES[theme]
    figure = Figure(figsize=(SIDE_INCHES * len(titles) + 0.2, SIDE_INCHES * len(rows) + 0.3))
    figure.patch.set_facecolor(palette.paper)
    axes: Any = figure.subplots(len(rows), len(titles), squeeze=False)
    for row, places in zip(rows, axes, strict=True):
        for pixels, place in zip(row, places, strict=True):
            place.imshow(pixels, interpolation="nearest", aspect="equal")
            place.set_ylim(pixels.shape[1] - 0.5, -0.5)
            place.set_axis_off()
    for title, place in zip(titles, axes[0], strict=True):
        place.set_title(title, fontsize=6, color=palette.ink, parse_math=False)
    figure.subplots_adjust(left=0.02, right=0.98, bottom=0.02, top=1 - 0.3 / (SIDE_INCHES * len(rows) + 0.3))
    return figure
