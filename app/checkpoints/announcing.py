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
from app.domain.hyperfit_curves import forget_record, trained_checkpoint
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
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise ToprankError("A checkpoint's name has 1 to 200 printable characters.")
    _check(files)
    session.execute(STORE_LOCK)
    upload = _upload_of(session, person_id, name)
    _replace_files(session, upload, files)
    _check_quota(session, person_id, limits.quota)
    _prepare(session, upload, store, limits.margin)
    return upload


def begin_trained(
    session: Session, person_id: int, checkpoint_id: int, files: Sequence[Announced], *, store: Store, margin: int
) -> Upload:
    """The same of what a worker trained that does not share the store; it counts towards nobody's quota.

    Raises NotFoundError or ConflictError for a checkpoint that no worker is training, and what `begin_upload` does.
    """
    _check(files)
    session.execute(STORE_LOCK)
    checkpoint = trained_checkpoint(session, checkpoint_id)
    if checkpoint.state is not CheckpointState.TRAINING:
        raise ConflictError(f"The checkpoint is {checkpoint.state}; its worker sends it while it is training.")
    upload = session.scalar(select(Upload).where(Upload.checkpoint_id == checkpoint_id))
    if upload is None:
        upload = Upload(id=uuid4(), checkpoint_id=checkpoint_id, person_id=person_id)
        session.add(upload)
    upload.person_id = person_id  # another worker, with another token, may go on
    session.flush()
    touch(session, upload.id)
    _replace_files(session, upload, files)
    _prepare(session, upload, store, margin)
    return upload


def _check(files: Sequence[Announced]) -> None:
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
        forget_record(session, checkpoint.id)
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


def _check_quota(session: Session, person_id: int, quota: int) -> None:
    wanted = used_bytes(session, person_id)
    if wanted > quota:
        raise QuotaError(
            f"With this, your checkpoints in the store would have {wanted / GB:,.1f} GB; {quota / GB:,.1f} GB are "
            "yours. Cancel an upload that you no longer need, or ask an admin for more (TOPRANK_UPLOAD_QUOTA_GB)."
        )


def _prepare(session: Session, upload: Upload, store: Store, margin: int) -> None:
    """Make the files that bytes will come into, where the disk has room for them. Raises NoRoomError."""
    to_come = session.scalars(select(func.coalesce(func.sum(UploadFile.size - UploadFile.received), 0))).one()
    free = store.free_bytes()
    if free < to_come + margin:
        raise NoRoomError(
            f"The store's disk has {free / GB:,.1f} GB left; {(to_come + margin) / GB:,.1f} GB are needed for this, "
            "for other uploads under way and as a margin. Ask an admin to make room, then send it again."
        )
    store.prepare(upload.id, [file.number for file in files_of(session, upload.id)])


def used_bytes(session: Session, person_id: int) -> int:
    """What a person has in the store, with all that is still to come."""
    coming = select(func.coalesce(func.sum(UploadFile.size), 0)).join(Upload).join(Checkpoint)
    stored = select(func.coalesce(func.sum(CheckpointFile.size), 0)).join(Checkpoint)
    stored = stored.where(Checkpoint.source.startswith(STORED))
    return sum(int(session.scalars(query.where(Checkpoint.person_id == person_id)).one()) for query in (coming, stored))
