"""Figures 6 and 11: what was given of images, the originals, and what each system made of it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sqlalchemy import text

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Cell, Column, Drawing, Exhibit, Kind
from app.domain.images import Palette
from app.models.system import WHOLE
from metrics.plots.images import image_grid
from metrics.plots.style import Theme
from metrics.signature import Signature
from metrics.ttr import LENGTH

FEW, MANY = 5, 20
OF_TEXTS = {
    "form": "It is of words and marks, which an image has none of.",
    "figure-5-right": "It is of the first 96 tokens of texts at 128; an image is completed whole.",
    "table-6": "It compares what follows instructions in words, which an image model does not read.",
    "table-7": "MMLU asks in words, which an image model does not read.",
    "table-8": "GLUE asks in words, which an image model does not read.",
}
# What exhibits say of texts, and the same of images, in this order.
_WORDS = tuple(
    (re.compile(rf"\b{of_texts}\b"), of_images)
    for of_texts, of_images in (
        ("at 256 tokens", "as a whole"),
        ("256 tokens", "whole images"),
        ("texts", "images"),
        ("text", "image"),
        ("Texts", "Images"),
        ("Text", "Image"),
        ("tokens", "pixels"),
        ("token", "pixel"),
        ("Tokens", "Pixels"),
        ("Token", "Pixel"),
        ("held-out contexts", "held-out given rows"),
        ("the contexts", "the given rows"),
        ("continuations", "completions"),
        ("continuation", "completion"),
    )
)

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


def as_of_images(exhibit: Exhibit, palette: Palette) -> Exhibit:
    """An exhibit that is made for texts, of a study of images: in the words of images, or why it says nothing of them.

    What the paper reports is of texts, so none of it stands beside.
    """
    generated = palette.pixels - palette.prompt_pixels
    reason = OF_TEXTS.get(exhibit.key)
    if exhibit.key == "figure-9-right" and generated < LENGTH:
        reason = f"{generated} pixels of an image are generated; a window that slides over {LENGTH} does not fit."
    if reason is not None:
        return Exhibit(exhibit.key, exhibit.name, "Of texts alone", exhibit.caption, (), (), missing=reason)
    return replace(
        exhibit,
        title=in_words_of_images(exhibit.title),
        caption=in_words_of_images(exhibit.caption),
        columns=tuple(_column(column) for column in exhibit.columns),
        rows=tuple(tuple(_cell(*pair) for pair in zip(row, exhibit.columns, strict=True)) for row in exhibit.rows),
        signatures=tuple(map(in_words_of_images, exhibit.signatures)),
        notes=tuple(map(in_words_of_images, exhibit.notes)),
        missing=in_words_of_images(exhibit.missing) if exhibit.missing else None,
        reported=(),
    )


def in_words_of_images(said: str) -> str:
    """A sentence about texts and their tokens as one about images and their pixels.

    >>> in_words_of_images("Mean TTR of the latest 96 tokens along the texts")
    'Mean TTR of the latest 96 pixels along the images'
    """
    for of_texts, of_images in _WORDS:
        said = of_texts.sub(of_images, said)
    return said


def _column(column: Column) -> Column:
    """An image has one scenario, which only files name."""
    is_shown = column.key != "scenario" or column.kind is Kind.TEXT
    return replace(
        column,
        title=in_words_of_images(column.title),
        on_page=column.on_page and is_shown,
        in_paper=column.in_paper and is_shown,
    )


def _cell(cell: Cell, column: Column) -> Cell:
    if column.key == "scenario" and column.kind is Kind.TEXT and cell == str(WHOLE):
        return "whole images"
    return "original image" if cell == "original text" else cell


def _figure(evidence: Evidence, key: str, name: str, most: int) -> Exhibit:
    systems = [system.name for system in evidence.systems]
    parameters = {"study": evidence.study.id, "systems": len(systems), "limit": most}
    rows = [_Row(*row) for row in evidence.session.execute(_ROWS, parameters)]
    palette = evidence.palette
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
