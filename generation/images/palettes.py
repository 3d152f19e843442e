"""Palettes: shades of grey, or the colours of images."""

from pathlib import Path

import numpy as np

from app.domain.images import ImageError, Palette
from app.texts.images import ENDINGS, pixels_of_file

MOST_CUT = 256  # what median cut gives


def greys(count: int, width: int) -> Palette:
    """Evenly spaced shades from black to white."""
    if count < 2:
        raise ImageError(f"{count} shades of grey make no image; take 2 or more.")
    shades = np.rint(np.linspace(0, 255, count)).astype(np.uint8)
    return Palette(np.repeat(shades[:, None], 3, axis=1).tobytes(), width)


def colours_of(folder: Path, most: int, width: int) -> Palette:
    """Every colour of a folder's images where there are at most so many, else those of a median cut.

    Raises ImageError, or UnreadableFileError for a damaged file.
    """
    if not 2 <= most <= MOST_CUT:
        raise ImageError(f"A palette of images has 2 to {MOST_CUT} colours, not {most}.")
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in ENDINGS)
    if not files:
        raise ImageError(f"There is no image in {folder}.")
    pixels = np.concatenate([pixels_of_file(file, file.read_bytes()).reshape(-1, 3) for file in files])
    colours = np.unique(pixels, axis=0)
    if len(colours) > most:
        from PIL import Image

        cut = Image.fromarray(pixels[None]).quantize(most, method=Image.Quantize.MEDIANCUT)
        colours = np.unique(np.array(cut.getpalette(), dtype=np.uint8).reshape(-1, 3), axis=0)
    return Palette(colours.tobytes(), width)
