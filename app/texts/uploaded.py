"""Texts and images that a request brought, read as files of this machine are."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from app.domain.images import Palette
from app.texts.images import read_images
from app.texts.reading import read_texts
from app.texts.source_text import SourceText

Sent = tuple[str, BinaryIO]  # a file's name, and what is in it


def uploaded_texts(sent: Sequence[Sent], *, column: str | None = None) -> list[SourceText]:
    """The texts of all the files, in their order. Raises UnreadableFileError, which names the file."""
    found: list[SourceText] = []
    for one in sent:
        with _on_disk(one) as file:
            found += read_texts(file, column=column or "text")
    return found


def uploaded_images(sent: Sequence[Sent], palette: Palette, *, column: str | None = None) -> list[SourceText]:
    """Every image of the files, in the order of their names; `line` counts them. Raises UnreadableFileError.

    A file is an image, a numpy array of them, or a Parquet file.
    """
    found: list[SourceText] = []
    for one in sorted(sent, key=lambda one: one[0]):
        with _on_disk(one) as file:
            found += read_images(file, palette, column=column or "image")
    return [replace(image, line=number) for number, image in enumerate(found, 1)]


def name_of_uploads(sent: Sequence[Sent]) -> str:
    """What the files are called in a run's record."""
    return plain_name(sent[0][0]) if len(sent) == 1 else f"{len(sent)} files"


def plain_name(name: str) -> str:
    """The last part of a file's name, of at most 200 bytes as disks count them, and never one that means a folder.

    >>> plain_name("C:\\\\texts\\\\a.txt"), plain_name("../b.csv"), plain_name("..")
    ('a.txt', 'b.csv', 'file')
    """
    plain = Path(name.replace("\0", "").replace("\\", "/")).name
    plain = plain.encode(errors="replace")[-200:].decode(errors="ignore")
    return "file" if plain in ("", ".", "..") else plain


@contextmanager
def _on_disk(sent: Sent) -> Iterator[Path]:
    """The file under its own name, which errors tell."""
    name, stream = sent
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / plain_name(name)
        with file.open("wb") as kept:
            shutil.copyfileobj(stream, kept)
        yield file
