"""Rows from Postgres to wherever they go, by COPY: one statement and so one snapshot, in constant memory."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy.orm import Session

from app.export.formats import FileFormat
from app.export.query import COLUMNS, TEXT_COLUMNS, ExportFilter, rows
from app.models import Study

# Postgres sends a row at a time. Pieces of this size cost a fraction of that to pass on, and no memory to speak of.
PIECE = 128 * 1024


@dataclass(frozen=True)
class ExportOrder:
    """What somebody asked for."""

    file_format: FileFormat = FileFormat.CSV
    texts: bool = False
    wanted: ExportFilter = field(default_factory=ExportFilter)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file, in order."""
        return COLUMNS + TEXT_COLUMNS if self.texts else COLUMNS


@dataclass
class Export:
    """One file while it is written; what it came to stands in it when `is_complete`."""

    study: Study
    order: ExportOrder
    rows: int = 0
    size: int = 0
    is_complete: bool = False
    sha256: str = ""

    def pieces(self, session: Session) -> Iterator[bytes]:
        """The file, piece by piece. The session's connection is busy until the last was taken."""
        digest = hashlib.sha256()
        for piece in self._file(session):
            digest.update(piece)
            self.size += len(piece)
            yield piece
        self.sha256, self.is_complete = digest.hexdigest(), True

    @property
    def facts(self) -> dict[str, Any]:
        """For the record: what was asked, and what was given."""
        asked = {"format": str(self.order.file_format), "texts": self.order.texts}
        chosen = {kind: list(choice) for kind, choice in asdict(self.order.wanted).items() if choice}
        given = {"rows": self.rows, "bytes": self.size, "complete": self.is_complete}
        return asked | chosen | given | ({"sha256": self.sha256} if self.is_complete else {})

    def _file(self, session: Session) -> Iterator[bytes]:
        if self.order.file_format is FileFormat.PARQUET:
            from app.export.parquet import parquet_pieces  # loads a large library, which the other formats spare

            return parquet_pieces(self._copied(session), self.order.columns)
        return self._copied(session)

    def _copied(self, session: Session) -> Iterator[bytes]:
        """What COPY sends, whole rows in pieces of about the same size; counts them."""
        connection = cast("psycopg.Connection[object]", session.connection().connection.driver_connection)
        head = 1 if self.order.file_format is FileFormat.CSV else 0
        with connection.cursor() as cursor, cursor.copy(copy_statement(self.study, self.order)) as copied:
            sent, waiting, size = 0, [], 0
            for row in copied:
                waiting.append(bytes(row))
                size += len(row)
                if size >= PIECE:
                    sent += len(waiting)
                    self.rows = sent - head
                    yield b"".join(waiting)
                    waiting, size = [], 0
            self.rows = sent + len(waiting) - head
            if waiting:
                yield b"".join(waiting)


def copy_statement(study: Study, order: ExportOrder) -> sql.Composed:
    """What Postgres is told: CSV has a head and guards its cells against formulas; the others have neither."""
    is_csv = order.file_format is FileFormat.CSV
    select = rows(study, order.wanted, columns=order.columns, guarded=is_csv)
    if order.file_format is FileFormat.JSONL:
        # CSV's quoting is told to do nothing, since COPY's text format would double the backslashes of JSON: the
        # quote and the delimiter are control characters, which JSON escapes.
        return sql.SQL(
            "COPY (SELECT to_json(line) FROM ({rows}) AS line) TO STDOUT"
            " (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
        ).format(rows=select)
    head = sql.SQL(", HEADER" if is_csv else "")
    return sql.SQL("COPY ({rows}) TO STDOUT (FORMAT csv{head})").format(rows=select, head=head)
