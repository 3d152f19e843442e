"""A disk that is full ends a run with a sentence, and never with a spoilt file."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from app.errors import ToprankError

MARGIN_BYTES = 64 << 20


class FullDiskError(ToprankError):
    """There is no room for what has to be written."""

    status_code = HTTPStatus.INSUFFICIENT_STORAGE


def require_space(folder: Path, needed: int) -> None:
    """Raise FullDiskError unless the folder's disk has room for so many bytes and a margin."""
    free = shutil.disk_usage(folder).free
    if free < needed + MARGIN_BYTES:
        raise FullDiskError(
            f"The disk of {folder} has {free / 1e9:.1f} GB left; {(needed + MARGIN_BYTES) / 1e9:.1f} GB are needed. "
            "What was saved before is kept: make room, then run the same command to go on."
        )


@contextmanager
def as_full_disk(folder: Path, *errors: type[Exception]) -> Iterator[None]:
    """Give the errors that a write meets on a full disk the sentence that helps."""
    try:
        yield
    except errors as error:
        raise FullDiskError(
            f"Writing to {folder} failed ({error}). What was saved before is kept: make room, then run the same "
            "command to go on."
        ) from error
