"""Engine, session factory and the naming of constraints."""

from typing import ClassVar

from sqlalchemy import BigInteger, Engine, MetaData, create_engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

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
    return create_engine(
        with_driver(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"options": "-c timezone=UTC", "connect_timeout": 10},
    )


def with_driver(url: str) -> str:
    """The same URL, with psycopg 3 named as its driver, which is the one that toprank installs."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if separator and scheme in ("postgres", "postgresql") else url


def make_session_factory(engine: Engine) -> sessionmaker[Session]:
    """Sessions that keep loaded values after a commit, since pages are rendered from them."""
    return sessionmaker(engine, expire_on_commit=False)
