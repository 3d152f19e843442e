"""Uploads as the database knows them: how much of each is there, and what becomes of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Update, exists, func, select, update
from sqlalchemy.orm import Session

from app.checkpoints.publishing import Published
from app.domain.audit import record
from app.domain.hyperfit_curves import keep_record
from app.domain.registry import queue_validation
from app.domain.store import STORED, Store
from app.errors import ConflictError, NotFoundError
from app.models import Checkpoint, CheckpointFile, HyperfitRun, System, Upload, UploadFile
from app.models.checkpoint import CheckpointState

CANCELLED = "Its upload was cancelled. Send it again."
# Whoever adds to the store or takes away from it holds this, so that nobody counts on room or files that go.
STORE_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended("store", 0)))


@dataclass(frozen=True)
class Unfinished:
    """An upload under way, as its sender sees it, in bytes."""

    upload_id: UUID
    checkpoint_id: int
    name: str
    received: int
    size: int
    touched_at: datetime

    @property
    def id(self) -> int:
        """The checkpoint's number, by which uploads are listed: each makes one."""
        return self.checkpoint_id

    @property
    def share(self) -> float:
        """How much is there, in [0, 1]."""
        return self.received / self.size


def find_upload(session: Session, person_id: int, upload_id: UUID) -> Upload:
    """The person's upload. Raises NotFoundError, for others' uploads as for none."""
    upload = session.get(Upload, upload_id)
    if upload is None or upload.person_id != person_id:
        raise NotFoundError("There is no such upload of yours: it was finished, cancelled or abandoned for too long.")
    return upload


def unfinished_uploads(
    session: Session, person_id: int | None = None, *, after: int = 0, limit: int | None = None
) -> list[Unfinished]:
    """The person's, or everybody's, uploads under way, the oldest checkpoint first."""
    bytes_of = (func.sum(UploadFile.received), func.sum(UploadFile.size))
    query = (
        select(Upload.id, Checkpoint.id, Checkpoint.name, *bytes_of, Upload.touched_at)
        .join(Checkpoint, Checkpoint.id == Upload.checkpoint_id)
        .join(UploadFile)
        .where(Checkpoint.id > after)
        .group_by(Upload.id, Checkpoint.id)
        .order_by(Checkpoint.id)
        .limit(limit)
    )
    if person_id is not None:
        query = query.where(Checkpoint.person_id == person_id)
    return [
        Unfinished(upload_id, checkpoint_id, name, int(received), int(size), touched_at)
        for upload_id, checkpoint_id, name, received, size, touched_at in session.execute(query)
    ]


def sent_share(session: Session, checkpoint_id: int) -> float | None:
    """How much has come of what a worker sends of a checkpoint, in [0, 1]; None while it sends nothing."""
    query = select(func.sum(UploadFile.received) / func.sum(UploadFile.size)).join(Upload)
    share = session.scalars(query.where(Upload.checkpoint_id == checkpoint_id)).one()
    return None if share is None else float(share)


def find_file(session: Session, person_id: int, upload_id: UUID, number: int) -> UploadFile:
    """A file of the person's upload. Raises NotFoundError."""
    find_upload(session, person_id, upload_id)
    file = session.get(UploadFile, (upload_id, number))
    if file is None:
        raise NotFoundError(f"The upload has no file of number {number}.")
    return file


def files_of(session: Session, upload_id: UUID) -> list[UploadFile]:
    """An upload's files, by number."""
    query = select(UploadFile).where(UploadFile.upload_id == upload_id).order_by(UploadFile.number)
    return list(session.scalars(query))


def count_received(session: Session, file: UploadFile, *, start: int, end: int) -> None:
    """Count bytes from `start` to `end` as received. Raises ConflictError when that was not where they belong."""
    counted = session.execute(
        _this(file).where(UploadFile.received == start).values(received=end).returning(UploadFile.number)
    ).one_or_none()
    if counted is None:
        raise ConflictError("The file changed while its bytes came, so they were not counted. Ask where to go on.")
    touch(session, file.upload_id)


def record_hash(session: Session, file: UploadFile, sha256: str) -> None:
    """All of the file is there, and is what its sender has."""
    session.execute(_this(file).values(sha256=sha256))
    touch(session, file.upload_id)


def start_over(session: Session, file: UploadFile) -> None:
    """What came is of no use, and was never compared: other bytes may come in its place."""
    session.execute(_this(file).values(received=0, sha256=None))
    touch(session, file.upload_id)


def whole_files(session: Session, person_id: int, upload_id: UUID) -> list[UploadFile]:
    """What the upload consists of. Raises ConflictError, with a name, while something is missing."""
    find_upload(session, person_id, upload_id)
    files = files_of(session, upload_id)
    for file in files:
        if file.sha256 is None:
            raise ConflictError(
                f"{file.name} is not there yet: {file.received:,} of {file.size:,} bytes have come, and its hash was "
                "not compared. Send the rest, then finish again."
            )
    return files


def cancel_upload(session: Session, upload: Upload, reason: str, *, by_id: int | None = None) -> None:
    """Forget an upload, and its checkpoint as well, unless something is waiting for that: then it failed.

    What a worker is training stays: its job sends it anew.
    """
    checkpoint = session.get_one(Checkpoint, upload.checkpoint_id)
    record(session, by_id, "checkpoint.cancel_upload", checkpoint, name=checkpoint.name)
    session.delete(upload)
    session.flush()
    if checkpoint.state is CheckpointState.TRAINING:
        return
    is_wanted = session.scalar(
        select(
            exists().where(System.checkpoint_id == checkpoint.id) | exists().where(HyperfitRun.base_id == checkpoint.id)
        )
    )
    if is_wanted:
        checkpoint.state, checkpoint.reason = CheckpointState.FAILED, reason
    else:
        session.delete(checkpoint)
    session.flush()


def refuse_upload(session: Session, upload_id: UUID, reason: str) -> None:
    """What came may not be loaded; the name can be used again by who sent it."""
    checkpoint = _end(session, upload_id)
    checkpoint.state, checkpoint.reason = CheckpointState.REFUSED, reason


def store_upload(session: Session, upload_id: UUID, published: Published, *, store: Store) -> Checkpoint:
    """The checkpoint is in the store, and is ready once a worker has tried it."""
    session.execute(STORE_LOCK)
    if not store.checkpoint(published.sha256).is_dir():  # taken away, as nobody's, before it was somebody's
        raise ConflictError("The store was tidied just now, and this with it. Finish again.")
    checkpoint = _end(session, upload_id)
    checkpoint.source, checkpoint.state = STORED + published.sha256, CheckpointState.VALIDATING
    checkpoint.parameters, checkpoint.lineage = published.parameters, published.lineage
    session.add_all(
        CheckpointFile(checkpoint_id=checkpoint.id, name=file.name, size=file.size, sha256=file.sha256)
        for file in published.files
    )
    tokens = published.image_tokens
    keep_record(session, checkpoint.id, published.lineage or {}, published.curve, image_tokens=tokens)
    queue_validation(session, checkpoint)
    sha256 = published.sha256
    record(session, checkpoint.person_id, "checkpoint.upload", checkpoint, name=checkpoint.name, sha256=sha256)
    return checkpoint


def _this(file: UploadFile) -> Update:
    return update(UploadFile).where(UploadFile.upload_id == file.upload_id, UploadFile.number == file.number)


def _end(session: Session, upload_id: UUID) -> Checkpoint:
    upload = session.scalar(select(Upload).where(Upload.id == upload_id).with_for_update())
    if upload is None:
        raise NotFoundError("There is no such upload any more; look at the checkpoint.")
    checkpoint = session.get_one(Checkpoint, upload.checkpoint_id)
    session.delete(upload)
    session.flush()
    return checkpoint


def touch(session: Session, upload_id: UUID) -> None:
    """Something came just now."""
    session.execute(update(Upload).where(Upload.id == upload_id).values(touched_at=func.now()))
