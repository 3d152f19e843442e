"""Rows that a test commits, so that commands and children see them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session


@pytest.fixture
def db(engine: Engine) -> Iterator[Session]:
    """A session on the test's own database."""
    with Session(engine, expire_on_commit=False) as session:
        yield session
