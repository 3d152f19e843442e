"""What a checkpoint made of held-out beginnings at each validation of its run: a few texts, or a few images."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.images import Drawn, ImageError, Palette, drawn
from app.models import HyperfitPoint

MOST_PIXELS = 128  # of a picture's side on the page


@dataclass(frozen=True)
class Sample:
    """A beginning and how it goes on; of an image, the rows that were given and the whole are drawn."""

    context: str
    continuation: str
    given: Drawn | None = None
    whole: Drawn | None = None


@dataclass(frozen=True)
class Samples:
    """Those of one validation."""

    update: int
    samples: list[Sample]


def samples_of(points: Sequence[HyperfitPoint], palette: Palette | None) -> list[Samples]:
    """The validations at which something was continued, the latest first."""
    return [
        Samples(point.update, [_sample(text, palette) for text in point.texts])
        for point in reversed(points)
        if point.texts
    ]


def _sample(text: dict[str, str], palette: Palette | None) -> Sample:
    context, continuation = text["context"], text["continuation"]
    if palette is None:
        return Sample(context, continuation)
    try:
        given, whole = (drawn(one, palette, most=MOST_PIXELS) for one in (context, context + continuation))
    except ImageError:  # an upload's curve may hold anything
        return Sample(context, continuation)
    return Sample(context, continuation, given, whole)
