"""Images out of files, tables and data sets, each as the text of its visual tokens; needs Pillow (extra `images`)."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.domain.images import ImageError, Palette
from app.texts.arrays import ARRAY, pixels_of_array
from app.texts.source_text import SourceText, UnreadableFileError
from app.texts.tables import INSTALL, UnreadableHubError, opened_parquet, rows_of

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".bmp", ".gif", ".jpg", ".jpeg", ".webp")
FORMATS = ("PNG", "BMP", "GIF", "JPEG", "WEBP")
MODES = ("RGB", "L", "1", "P")


def read_images(source: Path, palette: Palette, *, column: str = "image") -> Iterator[SourceText]:
    """The images of a folder, in the order of their names, of a column of a Parquet file, or of a numpy array.

    Raises UnreadableFileError, which names the file, for one that is damaged, of another size, moving, or see-through,
    and for a source without any image.
    """
    found = 0
    for number, (file, pixels) in enumerate(_pixels(source, column), 1):
        found += 1
        yield SourceText(_text_of(file, pixels, palette), number)
    if not found:
        raise UnreadableFileError(source, f"There is no image in it; images end in {', '.join(ENDINGS)}.")


def read_hub_images(
    hub_id: str, palette: Palette, *, column: str = "image", split: str = "train"
) -> Iterator[SourceText]:
    """The images of a split of `ID` or `ID:CONFIG`, such as CIFAR-10's. Raises UnreadableHubError."""
    try:
        from datasets import Image as ImageColumn
        from datasets import load_dataset
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        raise UnreadableHubError(hub_id, f"A data set of the hub needs datasets. {INSTALL}") from error
    name, _, configuration = hub_id.partition(":")
    try:
        rows = load_dataset(name, configuration or None, split=split, streaming=True)
        if rows.column_names is not None and column not in rows.column_names:
            raise UnreadableHubError(hub_id, f"It has no column {column!r}, but {', '.join(rows.column_names)}.")
        for number, row in enumerate(rows.cast_column(column, ImageColumn(decode=False)), 1):
            content = row[column].get("bytes") or Path(row[column]["path"]).read_bytes()
            file = Path(f"row {number}")
            yield SourceText(_text_of(file, pixels_of_file(file, content), palette), number)
    except UnreadableFileError as error:
        raise UnreadableHubError(hub_id, str(error)) from error
    except (DatasetsError, OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UnreadableHubError(hub_id, f"It cannot be read: {reason}.") from error


def pixels_of_file(file: Path, content: bytes) -> NDArray[np.uint8]:
    """The pixels of an image file, shape (height, width, 3). Raises UnreadableFileError."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise UnreadableFileError(file, "Images need Pillow. Install it by `pip install 'toprank[images]'`.") from error
    try:
        # Of all that Pillow knows: some others are handed to programs of the system, as EPS is to Ghostscript.
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_mode(file, image)
            return np.asarray(image.convert("RGB"), dtype=np.uint8)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise UnreadableFileError(file, f"It is damaged, or no image: {_first_line(error)}.") from error


def _check_mode(file: Path, image: "Image") -> None:
    if image.mode not in MODES or "transparency" in image.info:
        seen = f"{image.mode} with transparency" if "transparency" in image.info else image.mode
        raise UnreadableFileError(file, f"Its mode is {seen}; images are RGB or grey, of 8 bits, and not see-through.")
    if max(image.size) > 4096:
        raise UnreadableFileError(file, f"It is {image.width} x {image.height} pixels, far too large.")
    if getattr(image, "n_frames", 1) > 1:
        raise UnreadableFileError(file, "It moves; an image here is a single one.")


def _text_of(file: Path, pixels: NDArray[np.uint8], palette: Palette) -> str:
    try:
        return palette.text_of(pixels)
    except ImageError as error:
        raise UnreadableFileError(file, str(error)) from error


def _pixels(source: Path, column: str) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    if source.suffix.lower() == ARRAY:
        for number, pixels in enumerate(pixels_of_array(source), 1):
            yield source.with_name(f"{source.name} image {number}"), pixels
        return
    contents = _of_parquet(source, column) if source.suffix.lower() == ".parquet" else _of_files(source)
    for file, content in contents:
        yield file, pixels_of_file(file, content)


def _of_files(source: Path) -> Iterator[tuple[Path, bytes]]:
    files = sorted(file for file in source.iterdir() if file.suffix.lower() in ENDINGS) if source.is_dir() else [source]
    for file in files:
        try:
            yield file, file.read_bytes()
        except OSError as error:
            raise UnreadableFileError(file, f"It cannot be opened: {error.strerror}.") from error


def _of_parquet(file: Path, column: str) -> Iterator[tuple[Path, bytes]]:
    """As the hub keeps images: a column of `bytes` and `path`."""
    with opened_parquet(file) as table:
        names = table.schema_arrow.names
        if column not in names:
            raise UnreadableFileError(file, f"The file has no column {column!r}, but {', '.join(names)}.")
        for number, row in enumerate(rows_of(table, [column]), 1):
            yield file.with_name(f"{file.name} row {number}"), _bytes_of(file, number, row[column])


def _bytes_of(file: Path, number: int, cell: Any) -> bytes:
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(content, bytes):
        raise UnreadableFileError(file, f"Row {number} holds no image.")
    return content


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
