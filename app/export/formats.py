"""The kinds of file that an export may be."""

from enum import StrEnum


class FileFormat(StrEnum):
    """The kinds of file; all but CSV are for programs, which run no formulas and get every text as it is."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


MEDIA_TYPES = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.JSONL: "application/x-ndjson",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
}
