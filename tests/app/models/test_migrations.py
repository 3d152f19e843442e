"""Every migration goes up and down with rows in the tables, and ends at what the models say."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.orm import Session

from app import migrate
from app.annotation import verdicts
from app.annotation.claims import claim
from app.db import make_engine
from app.models.annotation import VerdictShown
from tests.conftest import connect, on_database
from tests.factories import make_person, make_pool

REVISIONS = [revision.revision for revision in ScriptDirectory(str(migrate.MIGRATIONS)).walk_revisions()]
KEPT = ("study", "passage", "continuation", "comparison", "assignment", "annotation", "person")


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """A database with a judged comparison, and so with a row in every table that one needs."""
    with Session(engine) as session:
        study, annotator = make_pool(session, passages=3), make_person(session)
        held = claim(session, study, annotator.id)
        assert held.shown is not None
        verdicts.record_verdict(session, annotator.id, held.shown, verdicts.Answer(VerdictShown.FIRST, 10))
        session.commit()
    return engine


@pytest.fixture
def empty_url(server: str) -> Iterator[str]:
    """A database with nothing in it."""
    name = f"empty_{uuid4().hex}"
    with connect(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield on_database(server, name)
    with connect(server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in KEPT}


def drift(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return migrate.drift(connection)


def test_the_migrations_make_what_the_models_say(engine: Engine) -> None:
    assert drift(engine) == []


def test_drift_is_noticed(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE person DROP COLUMN disabled_at"))
    assert drift(engine) != []


def test_every_migration_goes_down_and_up_again_with_rows_in_it(filled: Engine) -> None:
    url = filled.url.render_as_string(hide_password=False)
    before = counts(filled)
    assert all(before.values())
    # walk_revisions goes from the newest to the oldest; below the oldest there are no tables to hold rows
    for revision in REVISIONS[1:]:
        migrate.downgrade(url, revision)
        assert counts(filled) == before, revision
    migrate.upgrade(url)
    assert counts(filled) == before
    assert drift(filled) == []


def test_the_way_down_to_nothing_leaves_nothing(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    migrate.downgrade(empty_url, "base")
    engine = make_engine(empty_url, pool_size=1)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    assert "procrastinate" not in inspect(engine).get_schema_names()
    engine.dispose()
