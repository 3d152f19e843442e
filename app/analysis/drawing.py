"""A picture as a file: SVG, PDF or PNG, with what made it printed at its foot and kept in its metadata."""

import io
import threading
from typing import Literal, get_args

from app.analysis.exhibit import Exhibit, Provenance, Theme
from app.errors import NotFoundError

PictureFormat = Literal["svg", "pdf", "png"]
PICTURE_FORMATS: tuple[PictureFormat, ...] = get_args(PictureFormat)
MEDIA_TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}
DOTS_PER_INCH = 200
_FOOT_POINTS = 6.5
# matplotlib's settings belong to the process; one picture at a time.
_ONE_AT_A_TIME = threading.Lock()


def picture(exhibit: Exhibit, provenance: Provenance, file_format: PictureFormat, theme: Theme = "light") -> bytes:
    """The exhibit's picture. Raises NotFoundError while it has none."""
    from matplotlib import rc_context

    if exhibit.draw is None:
        raise NotFoundError(f"{exhibit.name} has no picture yet: {exhibit.missing or 'there is nothing to draw'}")
    out = io.BytesIO()
    # Text stays text: it can be searched and read aloud, and a PDF keeps its fonts.
    settings = rc_context({"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "toprank"})
    with _ONE_AT_A_TIME, settings:
        figure = exhibit.draw(theme)
        foot = "\n".join(provenance.lines)
        colour = "#a9aaa3" if theme == "dark" else "#5c5d57"
        # below the drawing, whatever its size: the tight box grows to hold it
        figure.text(0.0, -0.02, foot, fontsize=_FOOT_POINTS, color=colour, va="top", ha="left")
        figure.savefig(
            out,
            format=file_format,
            dpi=DOTS_PER_INCH,
            bbox_inches="tight",
            metadata=_metadata(exhibit, provenance, file_format),
        )
    return out.getvalue()


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
