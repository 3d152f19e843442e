"""A run's curve as pictures: where its lines go, for a template to draw (paper Fig. 2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.models import HyperfitPoint

WIDTH, HEIGHT = 320.0, 150.0
# More dots than a picture this wide can show are left out evenly.
MOST_DOTS = 200
PANELS = (
    ("Loss", (("train_loss", "training"), ("validation_loss", "held out"))),
    ("Entropy of the predictions", (("entropy", "held out"),)),
)
RATIOS = ("Type-token ratio of greedy texts", (("ttr_first_96", "first 96 tokens"), ("ttr_last_96", "last 96 of 224")))
IMAGE_RATIOS = (
    "Type-token ratio of completed images",
    (("ttr_first_96", "first 96 pixels"), ("ttr_last_96", "last 96 pixels")),
)


@dataclass(frozen=True)
class Line:
    """One measure over the run: its places in the picture, and its latest value."""

    name: str
    places: tuple[tuple[float, float], ...]
    latest: float

    @property
    def path(self) -> str:
        """The places as SVG wants them."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.places)


@dataclass(frozen=True)
class Panel:
    """Lines on one scale from `low` to `high`, over updates from 0 to `updates`."""

    title: str
    lines: tuple[Line, ...]
    low: float
    high: float
    updates: int

    @property
    def said(self) -> str:
        """The picture in words, for who does not see it."""
        latest = ", ".join(f"{line.name} {line.latest:.3f}" for line in self.lines)
        return f"{self.title} over {self.updates} updates; latest: {latest}"


def draw(points: Sequence[HyperfitPoint], total_updates: int, *, is_of_images: bool = False) -> list[Panel]:
    """The panels that there are values for; losses and entropy from 0, ratios from 0 to 1."""
    panels = []
    for title, measures in (*PANELS, IMAGE_RATIOS if is_of_images else RATIOS):
        values = {name: _values(points, column) for column, name in measures}
        found = {name: pairs for name, pairs in values.items() if pairs}
        if found:
            highest = max(value for pairs in found.values() for _, value in pairs)
            panels.append(_panel(title, found, 1.0 if "ratio" in title else highest * 1.05 or 1.0, total_updates))
    return panels


def _values(points: Sequence[HyperfitPoint], column: str) -> list[tuple[int, float]]:
    pairs = [(point.update, getattr(point, column)) for point in points]
    known = [(update, value) for update, value in pairs if value is not None]
    return known[:: -(-len(known) // MOST_DOTS) or 1][:-1] + known[-1:]


def _panel(title: str, found: dict[str, list[tuple[int, float]]], high: float, updates: int) -> Panel:
    lines = tuple(
        Line(
            name,
            tuple((WIDTH * update / updates, HEIGHT * (1 - value / high)) for update, value in pairs),
            pairs[-1][1],
        )
        for name, pairs in found.items()
    )
    return Panel(title, lines, 0.0, high, updates)
