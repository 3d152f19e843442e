"""Texts out of tables: a Parquet file, or a data set by its hub id, read row by row. Both need the extra `hub`."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import ToprankError
from app.texts.source_text import SourceText, UnreadableFileError, no_column

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

ROWS_AT_ONCE = 256
INSTALL = "Install it by `pip install 'toprank[hub]'`."


class UnreadableHubError(ToprankError):
    """A data set of a hub cannot be read; nothing of it was imported."""

    def __init__(self, hub_id: str, reason: str) -> None:
        super().__init__(f"{hub_id}: {reason} Nothing was imported.")


@contextmanager
def opened_parquet(file: Path) -> Iterator["ParquetFile"]:
    """A Parquet file to read from. Raises UnreadableFileError, also for what turns out while it is read."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise UnreadableFileError(file, f"Parquet needs pyarrow. {INSTALL}") from error
    try:
        with ParquetFile(file) as table:
            yield table
    except (ArrowException, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise UnreadableFileError(file, f"It is no Parquet file that can be read: {reason}.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).rstrip(".")
        raise UnreadableFileError(file, f"It cannot be read: {reason}.") from error


def rows_of(table: "ParquetFile", columns: list[str]) -> Iterator[dict[str, Any]]:
    """Its rows, a few in memory at a time."""
    batches = table.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns)
    return (row for batch in batches for row in batch.to_pylist())


def read_parquet(file: Path, column: str) -> Iterator[SourceText]:
    """The texts of a Parquet file; `line` counts its rows from 1. Raises UnreadableFileError."""
    with opened_parquet(file) as table:
        names = table.schema_arrow.names
        if column not in names:
            raise UnreadableFileError(file, no_column(column, names, "The file"))
        wanted = [name for name in dict.fromkeys((column, "source")) if name in names]
        for number, row in enumerate(rows_of(table, wanted), 1):
            if not isinstance(row[column], str):
                raise UnreadableFileError(file, no_column(column, names, f"Row {number}"))
            yield _source_text(row, column, number)


def read_hub(hub_id: str, *, column: str = "text", split: str = "train") -> Iterator[SourceText]:
    """The texts of a split of `ID` or `ID:CONFIG`, an id of the hub or a local folder, read as they are needed.

    No code of the data set is run. Raises UnreadableHubError.
    """
    try:
        from datasets import load_dataset
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        raise UnreadableHubError(hub_id, f"A data set of the hub needs datasets. {INSTALL}") from error
    name, _, configuration = hub_id.partition(":")
    try:
        rows: Iterable[Mapping[str, Any]] = load_dataset(name, configuration or None, split=split, streaming=True)
        for number, row in enumerate(rows, 1):
            if not isinstance(row.get(column), str):
                raise UnreadableHubError(hub_id, no_column(column, list(row), f"Row {number}"))
            yield _source_text(row, column, number)
    except (DatasetsError, OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UnreadableHubError(hub_id, f"It cannot be read: {reason}.") from error


def _source_text(row: Mapping[str, Any], column: str, number: int) -> SourceText:
    source = row.get("source")
    return SourceText(row[column], number, source if isinstance(source, str) and column != "source" else None)
