"""Rows from Postgres to wherever they go, by COPY: one snapshot, constant memory."""

from collections.abc import Iterator
from typing import Literal, cast

import psycopg
from psycopg import sql
from sqlalchemy.orm import Session

from app.export.query import rows
from app.models import Study

Format = Literal["csv", "jsonl"]


def stream_export(
    session: Session, study: Study, *, file_format: Format = "csv", texts: bool = False
) -> Iterator[bytes]:
    """The export in pieces, as Postgres sends them.

    CSV has a header and guards its cells against formulas; JSON lines have neither. The session's connection is
    busy until the last piece was taken.
    """
    connection = cast("psycopg.Connection[object]", session.connection().connection.driver_connection)
    with connection.cursor() as cursor, cursor.copy(_copy(study, file_format, texts=texts)) as pieces:
        for piece in pieces:
            yield bytes(piece)


def _copy(study: Study, file_format: Format, *, texts: bool) -> sql.Composed:
    if file_format == "csv":
        return sql.SQL("COPY ({rows}) TO STDOUT (FORMAT csv, HEADER)").format(
            rows=rows(study, texts=texts, guarded=True)
        )
    # CSV's quoting is told to do nothing, since COPY's text format would double the backslashes of JSON: the quote
    # and the delimiter are control characters, which JSON escapes.
    return sql.SQL(
        "COPY (SELECT to_json(line) FROM ({rows}) AS line) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
    ).format(rows=rows(study, texts=texts, guarded=False))
