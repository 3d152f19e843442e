"""Images out of a numpy array in a .npy file: many of them in one, as data sets of small images often come."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.texts.source_text import UnreadableFileError

ARRAY = ".npy"


def pixels_of_array(file: Path) -> Iterator[NDArray[np.uint8]]:
    """Each image's pixels, shape (height, width, 3), of an array (images, height, width) or (..., 3) of 0 to 255.

    The file is mapped, not read at once. Raises UnreadableFileError for any other array; no pickle is opened.
    """
    try:
        # The map checks that the file is as long as its header says, and refuses what only a pickle could hold.
        array = np.lib.format.open_memmap(file, mode="r")
    except (OSError, ValueError, OverflowError) as error:
        raise UnreadableFileError(file, "It is damaged, or no array of numbers in numpy's format.") from error
    if array.dtype != np.uint8:
        raise UnreadableFileError(file, f"It holds {array.dtype}; pixels are whole numbers from 0 to 255 (uint8).")
    if not (array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 3)):
        shape = " x ".join(map(str, array.shape)) or "a single number"
        raise UnreadableFileError(file, f"Its shape is {shape}; images are (images, height, width) or (..., 3).")
    for image in array:
        yield np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else np.asarray(image)
