"""What every table and figure of the paper has in common: a picture, the numbers under it, and what made them.

Page, command line, downloads and archive all take the same `Exhibit`; none of them knows how a number came about.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from matplotlib.figure import Figure

from app.analysis.withdrawn import WithdrawnAnnotators
from metrics.plots.style import Theme

Cell = str | int | float | tuple[float, float] | None
Drawing = Callable[[Theme], Figure]
NOTHING = "–"


class Kind(StrEnum):
    """How a column's values are written."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    DIFFERENCE = "difference"
    INTERVAL = "interval"
    NUMBER = "number"
    P_VALUE = "p_value"


@dataclass(frozen=True)
class Column:
    """One column: `key` for programs, `title` for people; what is not `in_paper` stays out of the LaTeX table, what is
    not `on_page` stands in the files alone.

    An interval's cell is a pair, which CSV writes as two columns. With `joins`, such as " ± {}", a page writes the cell
    into that of the column before, so that a wide table stays on it; text that `wraps` may take several lines there.
    """

    key: str
    title: str
    kind: Kind = Kind.TEXT
    digits: int = 1
    in_paper: bool = True
    on_page: bool = True
    joins: str = ""
    wraps: bool = False

    def written(self, cell: Cell) -> str:
        """The cell for a page; shares in percent."""
        if cell is None:
            return NOTHING
        if isinstance(cell, tuple):
            low, high = cell
            return f"{100 * low:.{self.digits}f}–{100 * high:.{self.digits}f}\u00a0%"
        if isinstance(cell, str):
            return cell
        return self._number(cell)

    def _number(self, number: float) -> str:
        match self.kind:
            case Kind.SHARE:
                return f"{100 * number:.{self.digits}f}\u00a0%"
            case Kind.DIFFERENCE:
                return f"{100 * number:+.{self.digits}f}"
            case Kind.P_VALUE:
                return "< 0.001" if number < 0.001 else f"{number:.3f}"
            case Kind.COUNT:
                return f"{number:,.0f}"
            case _:
                return f"{number:,.{self.digits}f}"


@dataclass(frozen=True)
class Reported:
    """A number that the paper or others report; laid beside ours, never computed with."""

    what: str
    value: str
    source: str


@dataclass(frozen=True)
class Exhibit:
    """One table or figure. `name` is the paper's; `title` says the finding, `caption` what is shown.

    `draw` makes the picture, None while there is nothing to draw; `missing` says why there are no rows yet.
    """

    key: str
    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    signatures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reported: tuple[Reported, ...] = ()
    missing: str | None = None
    draw: Drawing | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"A row of {self.key} has another number of cells than there are columns.")

    @property
    def page_columns(self) -> list[Column]:
        """The columns that a page has."""
        return [column for column in self.columns if column.on_page and not column.joins]

    @property
    def page_rows(self) -> list[list[tuple[Column, str]]]:
        """The rows as a page has them: each cell with its column."""
        return [self._page_row(row) for row in self.rows]

    def _page_row(self, row: tuple[Cell, ...]) -> list[tuple[Column, str]]:
        cells: list[tuple[Column, str]] = []
        for cell, column in zip(row, self.columns, strict=True):
            if column.joins and cells and cell is not None:
                before, written = cells[-1]
                cells[-1] = before, written + column.joins.format(column.written(cell))
            elif column.on_page and not column.joins:
                cells.append((column, column.written(cell)))
        return cells


@dataclass(frozen=True)
class Provenance:
    """Where numbers come from: printed on every picture, and at the head of every file."""

    study: str
    state: str
    queried_at: str
    protocol: str
    is_locked: bool
    look: int | None
    withdrawn: WithdrawnAnnotators
    shortcomings: tuple[str, ...]

    @property
    def is_final(self) -> bool:
        """Whether the study is closed and nothing speaks against its results."""
        return not self.shortcomings

    @property
    def lines(self) -> tuple[str, ...]:
        """Each fact in a line."""
        look = f"look {self.look}" if self.look else "no look taken"
        lines = [
            f"study {self.study} ({self.state}), queried {self.queried_at}",
            f"protocol {self.protocol[:16]}{'' if self.is_locked else ' (not locked)'}, {look}",
        ]
        if self.withdrawn is not WithdrawnAnnotators.BY_PROTOCOL:
            lines.append(f"{self.withdrawn} the annotations of annotators who withdrew")
        if not self.is_final:
            lines.append(f"not final: {'; '.join(self.shortcomings)}")
        return tuple(lines)
