"""What is seen of a comparison of images: the rows that were given, and two images that begin with them.

Each is in the page itself, so that no address, file name or further request could tell one side from the other.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.domain.images import ImageError, Palette, image_address
from app.domain.studies import study_palette
from app.models import Study

SHOWN_PIXELS = 256  # of a side, or as near below as whole pixels allow, on a phone at half the size too


@dataclass(frozen=True)
class Pictures:
    """Addresses of the images, and their size on the page: each pixel is a square of whole ones."""

    prompt: str
    first: str
    second: str
    side: int
    prompt_height: int


def draw(session: Session, study: Study, texts: tuple[str, str, str]) -> Pictures:
    """The pictures of context, first and second text. Raises ImageError where the study has no palette."""
    palette = study_palette(session, study)
    if palette is None:
        raise ImageError(f"The tokenizer of the study {study.slug} names no palette.")
    context, first, second = texts
    scale = _scale(palette)
    return Pictures(
        prompt=image_address(context, palette),
        first=image_address(context + first, palette),
        second=image_address(context + second, palette),
        side=palette.width * scale,
        prompt_height=len(context) // palette.width * scale,
    )


def _scale(palette: Palette) -> int:
    return max(2, SHOWN_PIXELS // palette.width // 2 * 2)
