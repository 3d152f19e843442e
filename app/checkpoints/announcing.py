"""The beginning of an upload: what is to come is checked, and room found for it, before the first byte."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from uuid import uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.checkpoints.uploads import STORE_LOCK, files_of, touch
from app.domain.checkpoint_vetting import CheckpointRefusedError, vet_listing
from app.domain.store import GB, STORED, Store
from app.errors import ConflictError, ToprankError
from app.models import Checkpoint, CheckpointFile, Upload, UploadFile
from app.models.checkpoint import CheckpointState

UNFINISHED = "upload"


class QuotaError(ToprankError):
    """A person would have more in the store than is theirs."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class NoRoomError(ToprankError):
    """The store's disk is too full."""

    status_code = HTTPStatus.INSUFFICIENT_STORAGE


@dataclass(frozen=True)
class Announced:
    """A file that is to come, as its sender says; `modified` is when it last changed there, in milliseconds."""

    name: str
    size: int
    modified: int | None = None


@dataclass(frozen=True)
class Limits:
    """What may come, in bytes: of one person, and left over on the disk."""

    quota: int
    margin: int


def begin_upload(
    session: Session, person_id: int, name: str, files: Sequence[Announced], *, store: Store, limits: Limits
) -> Upload:
    """Begin to receive a checkpoint, or go on with it: a file that came before and did not change is kept.

    Raises CheckpointRefusedError for files that no checkpoint has, ConflictError when the name is taken, QuotaError,
    and NoRoomError, all before the first byte has to come.
    """
    _check(name, files)
    session.execute(STORE_LOCK)
    upload = _upload_of(session, person_id, name)
    _replace_files(session, upload, files)
    _check_room(session, upload, store, limits)
    store.prepare(upload.id, [file.number for file in files_of(session, upload.id)])
    return upload


def _check(name: str, files: Sequence[Announced]) -> None:
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise ToprankError("A checkpoint's name has 1 to 200 printable characters.")
    vet_listing({file.name: file.size for file in files})
    twice = [name for name, count in Counter(file.name for file in files).items() if count > 1]
    if twice:
        raise CheckpointRefusedError([f"{twice[0]} is named twice."])


def _upload_of(session: Session, person_id: int, name: str) -> Upload:
    """The person's upload of this name, begun if there is none."""
    checkpoint = session.scalar(select(Checkpoint).where(Checkpoint.name == name))
    if checkpoint is None:
        checkpoint = Checkpoint(name=name, source=UNFINISHED, person_id=person_id, state=CheckpointState.UPLOADING)
        session.add(checkpoint)
    elif checkpoint.person_id != person_id or checkpoint.state in (CheckpointState.VALIDATING, CheckpointState.READY):
        raise ConflictError(f"There is a checkpoint {name!r} already; choose another name.")
    upload = session.scalar(select(Upload).where(Upload.checkpoint_id == checkpoint.id))
    if upload is None:
        # one that was refused, or failed when a worker tried it, is sent anew
        checkpoint.source, checkpoint.state, checkpoint.reason = UNFINISHED, CheckpointState.UPLOADING, None
        session.execute(delete(CheckpointFile).where(CheckpointFile.checkpoint_id == checkpoint.id))
        session.flush()
        upload = Upload(id=uuid4(), checkpoint_id=checkpoint.id, person_id=person_id)
        session.add(upload)
    touch(session, upload.id)
    session.flush()
    return upload


def _replace_files(session: Session, upload: Upload, files: Sequence[Announced]) -> None:
    """Keep the files that are as they were, and expect the others from their beginning."""
    known = {file.name: file for file in files_of(session, upload.id)}
    last = max((file.number for file in known.values()), default=0)
    for name in known.keys() - {file.name for file in files}:
        session.delete(known[name])
    for file in files:
        before = known.get(file.name)
        if before is None:
            last += 1
            row = UploadFile(upload_id=upload.id, number=last, received=0)
            session.add(row)
        elif (before.size, before.modified) == (file.size, file.modified):
            continue
        else:
            row = before
        row.name, row.size, row.modified, row.received, row.sha256 = file.name, file.size, file.modified, 0, None
    session.flush()


def _check_room(session: Session, upload: Upload, store: Store, limits: Limits) -> None:
    wanted = used_bytes(session, upload.person_id)
    if wanted > limits.quota:
        raise QuotaError(
            f"With this, your checkpoints in the store would have {wanted / GB:,.1f} GB; {limits.quota / GB:,.1f} GB "
            "are yours. Cancel an upload that you no longer need, or ask an admin for more (TOPRANK_UPLOAD_QUOTA_GB)."
        )
    to_come = session.scalars(select(func.coalesce(func.sum(UploadFile.size - UploadFile.received), 0))).one()
    free = store.free_bytes()
    if free < to_come + limits.margin:
        raise NoRoomError(
            f"The store's disk has {free / GB:,.1f} GB left; {(to_come + limits.margin) / GB:,.1f} GB are needed for "
            "this, for other uploads under way and as a margin. Ask an admin to make room, then send it again."
        )


def used_bytes(session: Session, person_id: int) -> int:
    """What a person has in the store, with all that is still to come."""
    coming = select(func.coalesce(func.sum(UploadFile.size), 0)).join(Upload).where(Upload.person_id == person_id)
    stored = (
        select(func.coalesce(func.sum(CheckpointFile.size), 0))
        .join(Checkpoint)
        .where(Checkpoint.person_id == person_id, Checkpoint.source.startswith(STORED))
    )
    return int(session.scalars(coming).one() + session.scalars(stored).one())
