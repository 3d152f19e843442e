"""Real small images: handwritten digits of 8 x 8 pixels in 17 shades of grey, which scikit-learn carries."""

from pathlib import Path

import numpy as np
from PIL import Image

from generation.images.palettes import greys

PALETTE = greys(17, 8)


def write_digits(folder: Path, first: int, count: int) -> Path:
    """A folder of so many PNG files, from that number on."""
    from sklearn.datasets import load_digits

    folder.mkdir(parents=True, exist_ok=True)
    for number, digit in enumerate(load_digits().images[first : first + count], first):
        shades = PALETTE.table[digit.astype(int), 0]
        Image.fromarray(np.asarray(shades, dtype=np.uint8)).save(folder / f"{number:04}.png")
    return folder
