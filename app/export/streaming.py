"""An export while it is written: in pieces, in constant memory, of one snapshot."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from psycopg import sql
from sqlalchemy.orm import Session

from app.domain.copying import copied, json_lines
from app.export.formats import FileFormat
from app.export.query import COLUMNS, TEXT_COLUMNS, ExportFilter, rows
from app.models import Study


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
        """What COPY sends; counts the rows."""
        self.rows = -1 if self.order.file_format is FileFormat.CSV else 0  # its head is none
        for piece, rows_in_it in copied(session, copy_statement(self.study, self.order)):
            self.rows += rows_in_it
            yield piece


def copy_statement(study: Study, order: ExportOrder) -> sql.Composed:
    """What Postgres is told: CSV has a head and guards its cells against formulas; the others have neither."""
    is_csv = order.file_format is FileFormat.CSV
    select = rows(study, order.wanted, columns=order.columns, guarded=is_csv)
    if order.file_format is FileFormat.JSONL:
        return json_lines(select)
    head = sql.SQL(", HEADER" if is_csv else "")
    return sql.SQL("COPY ({rows}) TO STDOUT (FORMAT csv{head})").format(rows=select, head=head)
