"""Every test of this folder has a database with the golden study in it, copied from one that is made once."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import make_engine
from app.models import Study
from tests.conftest import connect, on_database
from tests.golden import make_golden_study


@pytest.fixture(scope="session")
def golden_template(server: str, template: str) -> Iterator[str]:
    """Name of a database with the golden study, closed, which nothing stays connected to."""
    name = f"golden_{uuid4().hex}"
    with connect(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    engine = make_engine(on_database(server, name), pool_size=1)
    with Session(engine) as session:
        make_golden_study(session)
        session.commit()
    engine.dispose()
    with connect(on_database(server, name)) as connection:
        connection.execute("VACUUM ANALYZE")
    yield name
    with connect(server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(server: str, golden_template: str) -> Iterator[str]:
    """A copy of the test's own."""
    name = f"test_{uuid4().hex}"
    with connect(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {golden_template}")
    yield on_database(server, name)
    with connect(server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def golden(db: Session) -> Study:
    """The golden study, closed."""
    return db.scalars(select(Study).where(Study.slug == "golden")).one()
