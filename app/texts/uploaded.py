"""Texts and images that a form brought, read as files of a folder of this machine are."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from app.domain.images import Palette
from app.texts.images import read_images
from app.texts.reading import PARQUET, read_texts
from app.texts.source_text import SourceText

Sent = tuple[str, BinaryIO]


def uploaded_texts(sent: Sequence[Sent], *, column: str | None = None) -> list[SourceText]:
    """The texts of all the files, in their order. Raises UnreadableFileError, which names the file."""
    with tempfile.TemporaryDirectory() as folder:
        files = _kept(sent, Path(folder))
        return [text for file in files for text in read_texts(file, column=column or "text")]


def uploaded_images(sent: Sequence[Sent], palette: Palette, *, column: str | None = None) -> list[SourceText]:
    """The images of Parquet files, then those among the files by name. Raises UnreadableFileError, which names one."""
    with tempfile.TemporaryDirectory() as folder:
        tables = [file for file in _kept(sent, Path(folder)) if file.suffix.lower() == PARQUET]
        sources = tables if len(tables) == len(sent) else [*tables, Path(folder)]
        return list(_images(sources, palette, column or "image"))


def _images(sources: Sequence[Path], palette: Palette, column: str) -> Iterator[SourceText]:
    for source in sources:
        yield from read_images(source, palette, column=column)


def _kept(sent: Sequence[Sent], folder: Path) -> list[Path]:
    """Write the files down under their own names, without whatever path stands before them."""
    files = []
    for number, (name, stream) in enumerate(sent):
        plain = Path(name.replace("\\", "/")).name[-100:] or f"file {number}"
        file = folder / plain
        with file.open("wb") as kept:
            shutil.copyfileobj(stream, kept)
        files.append(file)
    return files
