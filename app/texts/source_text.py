"""A text with its place, and the error of a file that gives none."""

from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from app.errors import ToprankError


class UnreadableFileError(ToprankError):
    """A file of texts cannot be read; nothing of it was imported."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file.name}: {reason} Nothing was imported.")


@dataclass(frozen=True)
class SourceText:
    """A text, where its file has it, and where it is from if the file says so."""

    text: str
    line: int
    source: str | None = None


def no_column(column: str, present: Collection[str], where: str) -> str:
    """What to say of a record without a text."""
    names = ", ".join(sorted(map(str, present))) or "none"
    return f"{where} has no text in the column {column!r} (columns: {names}); name another with --column."
