"""What is uploaded to train on: a file of texts, or images as files, as a numpy array or as a Parquet file."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fastapi import UploadFile

from app.domain.hyperfit_plan import Text
from app.domain.images import Palette
from app.texts.images import read_images
from app.texts.reading import read_texts


def read_uploaded_texts(upload: UploadFile) -> list[Text]:
    """The uploaded file's texts. Raises UnreadableFileError."""
    with _on_disk(upload) as file:
        return [Text(one.text, one.source) for one in read_texts(file)]


def read_uploaded_images(uploads: Sequence[UploadFile], palette: Palette) -> list[Text]:
    """Every image of these files, in the order of their names, as its visual tokens. Raises UnreadableFileError."""
    found: list[Text] = []
    for upload in sorted(uploads, key=lambda one: one.filename or ""):
        with _on_disk(upload) as file:
            found += [Text(image.text) for image in read_images(file, palette)]
    return found


def name_of_uploads(uploads: Sequence[UploadFile]) -> str:
    """What the files are called in a run's record."""
    return _plain_name(uploads[0]) if len(uploads) == 1 else f"{len(uploads)} files"


@contextmanager
def _on_disk(upload: UploadFile) -> Iterator[Path]:
    """The upload as a file of its own name, which errors tell."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / _plain_name(upload)
        file.write_bytes(upload.file.read())
        yield file


def _plain_name(upload: UploadFile) -> str:
    """The last part of its name, of at most 100 characters, and never one that means a folder."""
    name = Path((upload.filename or "").replace("\0", "")).name[-100:]
    return "file" if name in ("", ".", "..") else name
