"""Figures 6 and 11: what was given of images, the originals, and what each system made of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sqlalchemy import text

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Column, Drawing, Exhibit, Kind
from app.domain.images import Palette
from app.domain.studies import reference_tokenizer
from app.models import Study
from app.models.study import Modality
from metrics.plots.images import image_grid
from metrics.plots.style import Theme
from metrics.signature import Signature

FEW, MANY = 5, 20

# The first that every system completed, so that no choice of ours stands behind the figure.
_ROWS = text("""
SELECT p.id, p.context, p.original, array_agg(t.text ORDER BY t.system_id) AS texts,
       array_agg(t.ttr_256 ORDER BY t.system_id) AS ratios
FROM passage p JOIN continuation t ON t.passage_id = p.id
WHERE p.study_id = :study AND p.state = 'accepted' AND p.width IS NOT NULL
GROUP BY p.id HAVING count(*) = :systems
ORDER BY p.unjudged, p.id LIMIT :limit
""")


class _Row(NamedTuple):
    passage: int
    context: str
    original: str
    texts: Sequence[str]
    ratios: Sequence[float]


def figure_6(evidence: Evidence) -> Exhibit:
    """A few images."""
    return _figure(evidence, "figure-6", "Figure 6", FEW)


def figure_11(evidence: Evidence) -> Exhibit:
    """More of them."""
    return _figure(evidence, "figure-11", "Figure 11", MANY)


def is_of_images(study: Study) -> bool:
    """Whether these figures say anything of a study."""
    return study.modality is Modality.IMAGE


def _figure(evidence: Evidence, key: str, name: str, most: int) -> Exhibit:
    systems = [system.name for system in evidence.systems]
    parameters = {"study": evidence.study.id, "systems": len(systems), "limit": most}
    rows = [_Row(*row) for row in evidence.session.execute(_ROWS, parameters)]
    palette = reference_tokenizer(evidence.session, evidence.study).palette
    return Exhibit(
        key=key,
        name=name,
        title="The same given rows, completed by each system" if rows else "Nothing is completed yet",
        caption="The given rows, the original, and each system's completion, of the first images that every system "
        "completed. The numbers are the TTR of the last 96 pixels, or of all where fewer were generated.",
        columns=(Column("passage", "Passage", Kind.COUNT), *(Column(one, one, Kind.SHARE) for one in systems)),
        rows=tuple((row.passage, *row.ratios) for row in rows),
        signatures=(str(Signature("TTR", "visual tokens; last 96 generated", n=len(rows), unit="images")),),
        missing=None if rows else "No image was completed by every system yet.",
        draw=_grid(systems, rows, palette) if rows and palette else None,
    )


def _grid(systems: Sequence[str], rows: Sequence[_Row], palette: Palette) -> Drawing:
    images = [_images(row, palette) for row in rows]

    def draw(theme: Theme) -> Figure:
        return image_grid(["given", "original", *systems], images, theme=theme)

    return draw


def _images(row: _Row, palette: Palette) -> list[NDArray[np.uint8]]:
    wholes = [row.context + continuation for continuation in (row.original, *row.texts)]
    return [palette.pixels_of(one) for one in (row.context, *wholes)]
