"""Engine, session factory and the naming of constraints."""

import math
import time
from typing import ClassVar

from sqlalchemy import BigInteger, Engine, MetaData, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
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


def make_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine that never opens more than `pool_size` connections."""
    engine = create_engine(
        with_driver(url),
        pool_size=pool_size,
        max_overflow=0,
        connect_args={"options": "-c timezone=UTC", "connect_timeout": 10},
    )
    _check_after_rest(engine)
    return engine


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
