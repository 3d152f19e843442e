"""Tidies the store: uploads that nobody goes on with, and bytes that nothing in the database names.

Rows go first and bytes afterwards, so that a janitor that is killed leaves bytes without a row, which the next removes.
"""

import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.checkpoints.uploads import STORE_LOCK, cancel_upload
from app.domain.store import STORED, Store
from app.models import Checkpoint, Upload

ABANDONED = "Its upload was abandoned and removed. Send it again."


@dataclass(frozen=True)
class Tidied:
    """What was removed."""

    uploads: int
    folders: int


def tidy(session: Session, store: Store, *, untouched_for: timedelta) -> Tidied:
    """Remove what has been abandoned for so long. Commits before it removes the first byte."""
    session.execute(STORE_LOCK)
    oldest = func.now() - untouched_for
    abandoned = session.scalars(
        select(Upload).where(Upload.touched_at < oldest).with_for_update(skip_locked=True)
    ).all()
    for upload in abandoned:
        cancel_upload(session, upload, ABANDONED)
    ids = {str(upload.id) for upload in abandoned}
    known = set(map(str, session.scalars(select(Upload.id))))
    before = time.time() - untouched_for.total_seconds()
    folders = [folder for folder in _inside(store.uploads) if folder.name in ids or _is_orphan(folder, known, before)]
    folders += _set_aside(session, store, before)
    session.commit()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return Tidied(len(abandoned), len(folders))


def _inside(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _is_orphan(folder: Path, known: set[str], before: float) -> bool:
    return folder.name not in known and folder.stat().st_mtime < before


def _set_aside(session: Session, store: Store, before: float) -> list[Path]:
    """Take checkpoints that no row names out of the store; whoever publishes one now waits for us."""
    sources = set(session.scalars(select(Checkpoint.source).where(Checkpoint.source.startswith(STORED))))
    nobodys = [folder for folder in _inside(store.checkpoints) if STORED + folder.name not in sources]
    if nobodys:
        store.uploads.mkdir(exist_ok=True)
    return [folder.rename(store.upload(uuid4())) for folder in nobodys if folder.stat().st_mtime < before]
