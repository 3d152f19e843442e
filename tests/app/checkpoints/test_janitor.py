"""What nobody goes on with is removed, rows and bytes, and nothing else."""

import os
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.checkpoints.janitor import Tidied, tidy
from app.domain.store import Store
from app.models import Checkpoint, Upload
from app.models.checkpoint import CheckpointState
from tests.app.checkpoints.sending import Sender
from tests.factories import make_study, make_system
from worker.tidying import tidy_store

DAY = timedelta(days=1)


def age(db: Session, *folders: Path) -> None:
    """Two days pass for these folders and every upload."""
    db.execute(text("UPDATE upload SET touched_at = now() - interval '2 days'"))
    db.commit()
    for folder in folders:
        os.utime(folder, (0, 0))


def test_an_abandoned_upload_is_removed_and_its_name_is_free(
    sender: Sender, folder: Path, store: Store, db: Session
) -> None:
    begun = sender.begun(folder)
    sender.send(folder, begun)
    assert tidy(db, store, untouched_for=DAY) == Tidied(0, 0)
    age(db)

    assert tidy(db, store, untouched_for=DAY) == Tidied(1, 1)

    assert list(store.uploads.iterdir()) == []
    assert db.scalars(select(Upload)).all() == []
    assert sender.patch(begun["id"], 1, b"x").status_code == 404
    assert sender.upload(folder).status_code == 202


def test_one_that_a_system_waits_for_fails_and_says_so(sender: Sender, folder: Path, store: Store, db: Session) -> None:
    begun = sender.begun(folder)
    make_system(db, make_study(db), checkpoint_id=begun["checkpoint"])
    age(db)

    tidy(db, store, untouched_for=DAY)

    failed = db.scalars(select(Checkpoint).execution_options(populate_existing=True)).one()
    assert (failed.state, failed.reason) == (
        CheckpointState.FAILED,
        "Its upload was abandoned and removed. Send it again.",
    )


def test_bytes_without_a_row_are_removed_once_they_are_old(
    sender: Sender, folder: Path, store: Store, db: Session
) -> None:
    sender.upload(folder)
    kept = list(store.checkpoints.iterdir())
    orphan, nobodys = store.upload(uuid4()), store.checkpoint("0" * 64)
    orphan.mkdir()
    nobodys.mkdir()
    (nobodys / "config.json").write_text("{}")
    assert tidy(db, store, untouched_for=DAY) == Tidied(0, 0)
    age(db, orphan, nobodys, *kept)

    assert tidy(db, store, untouched_for=DAY) == Tidied(0, 2)

    assert list(store.uploads.iterdir()) == []
    assert list(store.checkpoints.iterdir()) == kept


def test_a_worker_tidies_the_store_that_it_shares(
    sender: Sender, folder: Path, store: Store, db: Session, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context: Any = SimpleNamespace(additional_context={"orders": {"database_url": database_url}})
    sender.begun(folder)
    age(db)
    monkeypatch.setenv("TOPRANK_STORE", str(store.root / "elsewhere"))
    tidy_store.func(context, 0)
    assert len(list(store.uploads.iterdir())) == 1
    monkeypatch.setenv("TOPRANK_STORE", str(store.root))
    tidy_store.func(context, 0)
    assert list(store.uploads.iterdir()) == []
