"""A picture as a file: SVG, PDF or PNG, with what made it printed at its foot and kept in its metadata."""

import io
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple, get_args

from matplotlib import rc_context
from matplotlib.figure import Figure

from app.analysis.exhibit import Exhibit, Provenance
from app.errors import NotFoundError
from metrics.plots.style import Theme

PictureFormat = Literal["svg", "pdf", "png"]
PICTURE_FORMATS: tuple[PictureFormat, ...] = get_args(PictureFormat)
MEDIA_TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}
DOTS_PER_INCH = 200
# Letters to an inch, of the bold title and of the small print: more would make the picture wider than its drawing.
TITLE_LETTERS, FOOT_LETTERS = 11.5, 20
# matplotlib's settings belong to the process; one picture at a time.
_ONE_AT_A_TIME = threading.Lock()


class Appearance(NamedTuple):
    """How a picture is to look; on a page its title stands above it already."""

    file_format: PictureFormat
    theme: Theme = "light"
    with_title: bool = True


def picture(exhibit: Exhibit, provenance: Provenance, look: Appearance) -> bytes:
    """The exhibit's picture. Raises NotFoundError while it has none."""
    with _drawn(exhibit, provenance, look) as figure:
        return _written(figure, exhibit, provenance, look.file_format)


def pictures(exhibit: Exhibit, provenance: Provenance) -> Iterator[tuple[PictureFormat, bytes]]:
    """The same in every format, drawn once. Raises NotFoundError while there is none."""
    with _drawn(exhibit, provenance, Appearance("svg")) as figure:
        written = [(one, _written(figure, exhibit, provenance, one)) for one in PICTURE_FORMATS]
    yield from written


@contextmanager
def _drawn(exhibit: Exhibit, provenance: Provenance, look: Appearance) -> Iterator[Figure]:
    if exhibit.draw is None:
        raise NotFoundError(f"{exhibit.name} has no picture yet: {exhibit.missing or 'there is nothing to draw'}")
    # Text stays text: it can be searched and read aloud, and a PDF keeps its fonts.
    settings = rc_context({"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "toprank"})
    with _ONE_AT_A_TIME, settings:
        figure = exhibit.draw(look.theme)
        _hold_legends(figure)
        _write_around(figure, exhibit, provenance, look)
        yield figure


def _written(figure: Figure, exhibit: Exhibit, provenance: Provenance, file_format: PictureFormat) -> bytes:
    out = io.BytesIO()
    metadata = _metadata(exhibit, provenance, file_format)
    figure.savefig(out, format=file_format, dpi=DOTS_PER_INCH, bbox_inches="tight", metadata=metadata)
    return out.getvalue()


def _hold_legends(figure: Figure) -> None:
    """Keep legends where the layout puts them: they would move to the corner of a file that is cut around more."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for legend in figure.legends:
        legend.set_bbox_to_anchor((0, 0, 1, 1), transform=figure.transFigure)


def _write_around(figure: Figure, exhibit: Exhibit, provenance: Provenance, look: Appearance) -> None:
    """Title above and origin below the drawing, whatever its size: the tight box grows to hold them."""
    ink, soft = ("#e9e7e1", "#a9aaa3") if look.theme == "dark" else ("#1c1d1b", "#5c5d57")
    width = figure.get_figwidth()
    if look.with_title:
        title = "\n".join(textwrap.wrap(f"{exhibit.name}: {exhibit.title}", int(width * TITLE_LETTERS)))
        above = figure.text(0.0, 1.03, title, color=ink, va="bottom", parse_math=False)
        above.set(fontsize=10, fontweight="bold")
    foot = "\n".join(part for line in provenance.lines for part in textwrap.wrap(line, int(width * FOOT_LETTERS)))
    figure.text(0.0, -0.02, foot, fontsize=6.5, color=soft, va="top", parse_math=False)


def _metadata(exhibit: Exhibit, provenance: Provenance, file_format: PictureFormat) -> dict[str, str | None]:
    """Title and origin; no date of drawing, so that the same numbers give the same file."""
    about = "; ".join((*provenance.lines, *exhibit.signatures))
    title = f"{exhibit.name}: {exhibit.title}"
    match file_format:
        case "svg":
            return {"Title": title, "Description": about, "Date": None}
        case "pdf":
            return {"Title": title, "Subject": about, "CreationDate": None}
        case "png":
            return {"Title": title, "Description": about}
