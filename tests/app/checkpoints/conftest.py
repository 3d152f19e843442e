"""A store of the test's own, and people who send checkpoints."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session

from app.domain.store import Store
from app.models import Person
from app.models.person import Role
from app.settings import Settings
from tests.app.checkpoints.sending import Sender, make_small_checkpoint
from tests.app.conftest import SECRET
from tests.factories import make_person


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """As for every page, and a store."""
    return Settings(
        database_url=database_url,
        secret_key=SECRET,
        secure_cookies=False,
        pool_size=5,
        store=tmp_path / "store",
        upload_margin_gb=0,
    )


@pytest.fixture
def store(settings: Settings) -> Store:
    """Where the app keeps bytes."""
    return Store(settings.store_dir)


@pytest.fixture
def person(db: Session) -> Person:
    """Who sends."""
    return make_person(db, role=Role.RESEARCHER)


@pytest.fixture
def sender(app: FastAPI, db: Session, person: Person) -> Sender:
    """Their program."""
    return Sender(app, db, person)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound checkpoint, with nothing beside it."""
    return make_small_checkpoint(tmp_path / "room" / "checkpoint")
