"""What all figures share: colours, lines and an empty figure to draw on.

Colours are told apart by the colour-blind (Okabe and Ito), and never alone: markers and line styles differ as well, so
that a grey print can be read. Figures are made without pyplot, which keeps them all and is not safe for threads.
"""

from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import LineStyleType

Theme = Literal["light", "dark"]
WIDTH = 7.2
ROW = 0.32
LEGEND_COLUMNS, LEGEND_ROW = 3, 0.17
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES: tuple[LineStyleType, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))


@dataclass(frozen=True)
class Palette:
    """The colours of a theme; `series` in the order they are given out."""

    ink: str
    soft: str
    grid: str
    paper: str
    grey: str
    series: tuple[str, ...]
    colour_map: str

    def colour(self, number: int) -> str:
        """The colour of the series with this number; they come round again."""
        return self.series[number % len(self.series)]


PALETTES: dict[Theme, Palette] = {
    "light": Palette(
        ink="#1c1d1b",
        soft="#5c5d57",
        grid="#dfdcd3",
        paper="#ffffff",
        grey="#a09d92",
        series=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b07a00", "#56b4e9"),
        colour_map="Blues",
    ),
    "dark": Palette(
        ink="#e9e7e1",
        soft="#a9aaa3",
        grid="#343835",
        paper="#1c1f1e",
        grey="#7d827d",
        series=("#56b4e9", "#f0894a", "#35c29c", "#e09ac4", "#e6bf6f", "#b5d9f2"),
        colour_map="cividis",
    ),
}


def unlike(number: int, kinds: int) -> int:
    """Which of so many line styles or hatches a series has: another one when its colour comes round again.

    >>> [unlike(number, 6) for number in (0, 1, 5, 6, 7)]
    [0, 1, 5, 1, 2]
    """
    return (number + number // kinds) % kinds


def empty(theme: Theme, *, rows: float, columns: int = 1, width: float = WIDTH) -> tuple[Figure, list[Axes]]:
    """A figure as high as `rows` lines of text, with axes side by side that share their rows."""
    palette = PALETTES[theme]
    figure = Figure(figsize=(width, 0.9 + ROW * rows), layout="constrained", facecolor=palette.paper)
    grid = figure.subplots(1, columns, sharey=columns > 1, squeeze=False)
    axes = list(grid[0])
    for one in axes:
        dress(one, palette)
    return figure, axes


def dress(axes: Axes, palette: Palette) -> None:
    """Quiet axes: no box, a light grid behind the data."""
    axes.set_facecolor("none")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(palette.soft)
    axes.tick_params(colors=palette.ink, labelsize=8, length=0)
    axes.grid(visible=True, color=palette.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set_color(palette.ink)
        label.set_fontsize(9)


def write_legend(figure: Figure, axes: Axes, palette: Palette) -> None:
    """One legend above the axes, without a box, which makes the figure higher; none where nothing has a label."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.set_figheight(figure.get_figheight() + LEGEND_ROW * (len(handles) // LEGEND_COLUMNS))
        legend = figure.legend(
            handles,
            labels,
            loc="outside upper left",
            ncols=min(LEGEND_COLUMNS, len(handles)),
            frameon=False,
            fontsize=8,
            labelcolor=palette.ink,
        )
        for name in legend.get_texts():
            name.set_parse_math(False)
