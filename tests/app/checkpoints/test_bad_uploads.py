"""What nobody should ever load is refused on its way in, with a reason, and leaves nothing anywhere."""

import re
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.store import Store
from app.models import Checkpoint, Upload
from app.models.checkpoint import CheckpointState
from tests.app.checkpoints.sending import Sender, listing
from tests.bad_folders import HEADERS, LISTED, TEXTS, BadFolder


@pytest.mark.parametrize("bad", LISTED, ids=lambda bad: bad.name)
def test_a_bad_listing_is_refused_before_its_first_byte(
    sender: Sender, folder: Path, store: Store, db: Session, bad: BadFolder
) -> None:
    bad.spoil(folder)

    answer = sender.begin(listing(folder))

    assert answer.status_code == 422
    assert re.search(bad.reason, answer.json()["detail"])
    assert not store.root.exists()
    assert db.scalars(select(Checkpoint)).all() == []


def test_a_bad_content_is_refused_when_all_of_it_is_there(
    sender: Sender, tmp_path: Path, folder: Path, store: Store, db: Session
) -> None:
    """One after another on one app, under one name, as somebody would who keeps trying."""
    sound = {file.name: file.read_bytes() for file in folder.iterdir()}
    for bad in (*HEADERS, *TEXTS):
        for file in folder.iterdir():
            file.unlink()
        for name, content in sound.items():
            (folder / name).write_bytes(content)
        bad.spoil(folder)
        around = outside(tmp_path, store)

        answer = sender.upload(folder)

        assert answer.status_code == 422, bad.name
        assert re.search(bad.reason, answer.json()["detail"]), (bad.name, answer.json()["detail"])
        assert outside(tmp_path, store) == around, bad.name
        assert [*store.uploads.iterdir(), *store.root.glob("checkpoints/*")] == [], bad.name
        db.rollback()
        refused = db.scalars(select(Checkpoint).execution_options(populate_existing=True)).one()
        assert (refused.state, refused.reason) == (CheckpointState.REFUSED, answer.json()["detail"])
        assert db.scalars(select(Upload)).all() == []


def outside(tmp_path: Path, store: Store) -> dict[str, int]:
    """Everything but the store's uploads, with sizes."""
    return {
        str(file): file.lstat().st_size
        for file in tmp_path.rglob("*")
        if not file.is_relative_to(store.root) and not file.is_dir()
    }
