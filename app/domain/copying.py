"""Rows from Postgres by COPY: one statement and so one snapshot, in pieces, in constant memory."""

from collections.abc import Iterator
from typing import cast

import psycopg
from psycopg import sql
from sqlalchemy.orm import Session

# Postgres sends a row at a time. Pieces of this size cost a fraction of that to pass on, and no memory to speak of.
PIECE = 128 * 1024


def copied(session: Session, statement: sql.Composed) -> Iterator[tuple[bytes, int]]:
    """What COPY sends: whole rows in pieces of about the same size, each with the number of its rows.

    The session's connection is busy until the last was taken.
    """
    connection = cast("psycopg.Connection[object]", session.connection().connection.driver_connection)
    with connection.cursor() as cursor, cursor.copy(statement) as copying:
        waiting: list[bytes] = []
        size = 0
        for row in copying:
            waiting.append(bytes(row))
            size += len(row)
            if size >= PIECE:
                yield b"".join(waiting), len(waiting)
                waiting, size = [], 0
        if waiting:
            yield b"".join(waiting), len(waiting)


def json_lines(select: sql.Composable) -> sql.Composed:
    """The statement that copies each row of a SELECT as one line of JSON.

    CSV's quoting is told to do nothing, since COPY's text format would double the backslashes of JSON: the quote and
    the delimiter are control characters, which JSON escapes.
    """
    return sql.SQL(
        "COPY (SELECT to_json(line) FROM ({rows}) AS line) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
    ).format(rows=select)
