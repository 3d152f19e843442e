"""Engine, session factory, the naming of constraints, and statements that skip SQLAlchemy on their way to psycopg."""

import math
import re
import time
from typing import Any, ClassVar, cast

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import BigInteger, Engine, MetaData, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

# A connection that was used so recently (seconds) is taken to be alive.
TRUSTED_S = 1.0

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """All tables of toprank; procrastinate keeps its own in another schema."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {int: BigInteger}


def make_engine(url: str, *, pool_size: int = 5, program: str = "toprank") -> Engine:
    """An engine that never opens more than `pool_size` connections, which the database knows by the program's name.

    Its errors tell no values of a statement, which may be somebody's address.
    """
    engine = create_engine(
        with_driver(url),
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"options": "-c timezone=UTC", "connect_timeout": 10, "application_name": program},
    )
    _check_after_rest(engine)
    event.listen(engine, "handle_error", _leave_values_out)
    return engine


def _leave_values_out(context: ExceptionContext) -> None:
    """Tell of an error only its first line: the others may quote a row, with somebody's address in it."""
    original, wrapped = context.original_exception, context.sqlalchemy_exception
    if isinstance(original, psycopg.Error):
        said = str(original)
        original.args = (first_line(original),)
        if wrapped is not None:
            wrapped.args = tuple(str(part).replace(said, first_line(original)) for part in wrapped.args)


def first_line(error: psycopg.Error) -> str:
    """What went wrong, without the rows in question."""
    return error.diag.message_primary or str(error)


def _check_after_rest(engine: Engine) -> None:
    """Ask a connection whether it still lives, and take another if not, unless it was in use a moment ago.

    Asking takes three round trips, which for a busy pool would be a fifth of all.
    """

    def note_use(_connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    def check(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        if time.monotonic() - record.info.get("used_at", math.inf) <= TRUSTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error

    event.listen(engine, "checkin", note_use)
    event.listen(engine, "checkout", check)


def with_driver(url: str) -> str:
    """The same URL, with psycopg 3 named as its driver, which is the one that toprank installs."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if separator and scheme in ("postgres", "postgresql") else url


def make_session_factory(engine: Engine) -> sessionmaker[Session]:
    """Sessions that keep loaded values after a commit, since pages are rendered from them."""
    return sessionmaker(engine, expire_on_commit=False)


class Statement:
    """SQL with :named parameters that runs on a session's own connection, in its transaction.

    For what every judgement runs: SQLAlchemy's making of a result costs three times what the statement does. Errors are
    SQLAlchemy's all the same.
    """

    def __init__(self, sql: str) -> None:
        self.sql = re.sub(r"(?<!:):(\w+)", r"%(\1)s", sql.replace("%", "%%"))

    def run(self, session: Session, **parameters: Any) -> psycopg.Cursor[Any]:
        """Execute it; rows are named tuples."""
        session.flush()
        connection = session.connection()
        driver = cast(psycopg.Connection[Any], connection.connection.driver_connection)
        try:
            return driver.cursor(row_factory=namedtuple_row).execute(self.sql, parameters)
        except psycopg.Error as error:
            if driver.closed:
                connection.invalidate(error)
            error.args = (first_line(error),)
            raise DBAPIError.instance(
                self.sql, None, error, psycopg.Error, dialect=connection.dialect, connection_invalidated=driver.closed
            ) from error

    def first(self, session: Session, **parameters: Any) -> Any:
        """The first row, or None."""
        return self.run(session, **parameters).fetchone()

    def one(self, session: Session, **parameters: Any) -> Any:
        """The row of a statement that always has one."""
        (row,) = self.run(session, **parameters).fetchall()
        return row
