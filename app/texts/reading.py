"""Texts out of files: JSONL, CSV, plain text and Parquet, one at a time, with the place each came from.

A plain text file holds one text for each block of lines; an empty line ends a block.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from app.texts.source_text import SourceText, UnreadableFileError, no_column
from app.texts.tables import read_parquet

# A book on one line of CSV is still a text.
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
PARQUET = ".parquet"


def read_texts(file: Path, *, column: str = "text") -> Iterator[SourceText]:
    """The file's texts in their order, read as they are needed.

    Raises UnreadableFileError, which names the line, for another format, wrong encoding, malformed records or a
    missing column, and for a file without any text.
    """
    found = 0
    for text in _read(file, column):
        found += 1
        yield text
    if not found:
        raise UnreadableFileError(file, "There is no text in it.")


def _read(file: Path, column: str) -> Iterator[SourceText]:
    suffix = file.suffix.lower()
    if suffix == PARQUET:
        yield from read_parquet(file, column)
        return
    read = _READERS.get(suffix)
    if read is None:
        raise UnreadableFileError(file, f"Files of texts end in {', '.join([*_READERS, PARQUET])}.")
    try:
        with file.open(encoding="utf-8-sig", newline="" if read is _read_csv else None) as stream:
            yield from read(file, stream, column)
    except UnicodeDecodeError as error:
        raise UnreadableFileError(file, f"It is not UTF-8: {error.reason} near byte {error.start}.") from error
    except OSError as error:
        raise UnreadableFileError(file, f"It cannot be opened: {error.strerror}.") from error


def _read_jsonl(file: Path, stream: TextIO, column: str) -> Iterator[SourceText]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise UnreadableFileError(file, f"Line {number} is not JSON.") from error
        if not isinstance(record, dict):
            raise UnreadableFileError(file, f"Line {number} is not a JSON object.")
        text = record.get(column)
        if not isinstance(text, str):
            raise UnreadableFileError(file, no_column(column, list(record), f"Line {number}"))
        source = record.get("source")
        yield SourceText(text, number, source if isinstance(source, str) else None)


def _read_csv(file: Path, stream: TextIO, column: str) -> Iterator[SourceText]:
    rows = csv.DictReader(stream, strict=True)
    try:
        if column not in (rows.fieldnames or []):
            raise UnreadableFileError(file, no_column(column, list(rows.fieldnames or []), "The header"))
        for row in rows:
            if row[column] is None or None in row:
                raise UnreadableFileError(file, f"Line {rows.line_num} has another number of cells than the header.")
            yield SourceText(row[column], rows.line_num, row.get("source"))
    except csv.Error as error:
        raise UnreadableFileError(file, f"Line {rows.line_num} is not CSV: {error}.") from error


def _read_txt(_file: Path, stream: TextIO, _column: str) -> Iterator[SourceText]:
    block: list[str] = []
    start = 1
    for number, line in enumerate(stream, 1):
        if line.strip():
            start = start if block else number
            block.append(line.rstrip("\n"))
        elif block:
            yield SourceText("\n".join(block), start)
            block = []
    if block:
        yield SourceText("\n".join(block), start)


_READERS: dict[str, Callable[[Path, TextIO, str], Iterator[SourceText]]] = {
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".txt": _read_txt,
}
