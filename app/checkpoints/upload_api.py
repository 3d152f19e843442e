"""/api/v1/uploads: send a checkpoint in parts that can be repeated (tus 1.0: offsets, checksums), then finish it.

No route holds a connection of the database while bytes come; each looks and counts in short transactions of its own.
"""

from contextlib import ExitStack
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.auth.api_tokens import bearer
from app.auth.body_limit import takes_up_to
from app.auth.callers import caller
from app.checkpoints.announcing import Announced, Limits, begin_trained, begin_upload
from app.checkpoints.publishing import publish
from app.checkpoints.receiving import (
    ChecksumError,
    OffsetError,
    check_fits,
    cut_off,
    hash_file,
    in_writers_thread,
    locked,
    write,
)
from app.checkpoints.running_hashes import RUNNING
from app.checkpoints.statements import (
    CheckpointFileState,
    CheckpointStanding,
    FileState,
    HashStatement,
    TrainedUploadStatement,
    UploadState,
    UploadStatement,
    described,
    read,
)
from app.checkpoints.tus import CHECKSUM_MISMATCH, PART, progress, read_chunk
from app.checkpoints.uploads import (
    CANCELLED,
    cancel_upload,
    count_received,
    files_of,
    find_file,
    find_upload,
    record_hash,
    refuse_upload,
    start_over,
    store_upload,
    whole_files,
)
from app.dependencies import Visitor, in_transaction
from app.domain.checkpoint_vetting import CheckpointRefusedError
from app.domain.registry import find_with_files
from app.domain.store import GB, Store
from app.errors import ConflictError
from app.models import Person
from app.models.person import TokenScope
from app.problems import problem
from app.resources import resources_of

router = APIRouter(tags=["checkpoints"])
Sender = Annotated[Visitor, Depends(caller(TokenScope.UPLOAD))]
# People, or a worker of theirs: each goes on with uploads of the token's owner alone.
AnySender = Annotated[Visitor, Depends(caller(TokenScope.UPLOAD, TokenScope.WORKER))]
Asker = Annotated[Visitor, Depends(caller(TokenScope.READ, TokenScope.UPLOAD, TokenScope.WORKER))]
Worker = Annotated[Person, Depends(bearer(TokenScope.WORKER))]
UploadId = Annotated[UUID, Path(description="The upload's id.", examples=["3f1c2b6e-8a54-4c53-9d0a-1f2e3d4c5b6a"])]
FileNumber = Annotated[int, Path(description="The file's number in the upload.", examples=[0])]
AnyCheckpoint = Annotated[int, Path(description="The checkpoint's number.", examples=[12])]
FILE = "/uploads/{upload_id}/files/{number}"
# For the OpenAPI document, since the framework does not read this body.
DESCRIBED_PART: dict[str, Any] = {
    "parameters": [
        {
            "name": "Upload-Offset",
            "in": "header",
            "required": True,
            "description": "Where in the file this part belongs, in bytes.",
            "schema": {"type": "integer", "minimum": 0, "examples": [0]},
        }
    ],
    "requestBody": {"required": True, "content": {PART: {"schema": {"type": "string", "format": "binary"}}}},
}


class ChangedError(ConflictError):
    """A whole file is not what its sender has; it starts over."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY


@router.post("/uploads", status_code=HTTPStatus.CREATED, openapi_extra=described(UploadStatement))
async def begin(request: Request, sender: Sender) -> UploadState:
    """Announce a checkpoint's files; announced again, it says how much of each is there."""
    said = await read(request, UploadStatement)
    return await in_transaction(request, _begin, sender, said, request)


@router.post(
    "/checkpoints/{checkpoint_id}/uploads",
    status_code=HTTPStatus.CREATED,
    openapi_extra=described(TrainedUploadStatement),
)
async def begin_for_worker(request: Request, worker: Worker, checkpoint_id: AnyCheckpoint) -> UploadState:
    """Announce the files of a checkpoint that a worker trained, whose store is another; the rest is as for people."""
    said = await read(request, TrainedUploadStatement)
    return await in_transaction(request, _begin_trained, worker.id, checkpoint_id, said, request)


@router.get("/uploads/{upload_id}")
async def show(request: Request, sender: AnySender, upload_id: UploadId) -> UploadState:
    """How much of an upload is there."""
    return await in_transaction(request, _state, sender.id, upload_id)


@router.delete("/uploads/{upload_id}", status_code=HTTPStatus.NO_CONTENT)
async def cancel(request: Request, sender: AnySender, upload_id: UploadId) -> Response:
    """Forget an upload and what came of it."""
    await in_transaction(request, _cancel, sender.id, upload_id)
    await in_writers_thread(_store(request).forget, upload_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.head(FILE)
async def tell_offset(request: Request, sender: AnySender, upload_id: UploadId, number: FileNumber) -> Response:
    """Where to go on with a file, in Upload-Offset."""
    file = await in_transaction(request, find_file, sender.id, upload_id, number)
    return Response(headers=progress(received=file.received, size=file.size))


@router.patch(FILE, status_code=HTTPStatus.NO_CONTENT, openapi_extra=DESCRIBED_PART)
@takes_up_to(float("inf"))
async def receive(request: Request, sender: AnySender, upload_id: UploadId, number: FileNumber) -> Response:
    """Take the next part of a file: where it belongs in Upload-Offset, and what it is in Upload-Checksum."""
    chunk = read_chunk(request.headers)
    path = _store(request).part(upload_id, number)
    with locked(path) as descriptor:
        file = await in_transaction(request, find_file, sender.id, upload_id, number)
        try:
            check_fits(chunk, file)
            before = RUNNING.before(path, descriptor, chunk.offset)
            so_far = before and before.copy()
            end = await write(descriptor, chunk, request.stream(), file, so_far)
        except OffsetError as error:
            return problem(error.status_code, str(error), headers=progress(received=error.received, size=file.size))
        except ChecksumError as error:
            RUNNING.keep(path, descriptor, before, chunk.offset)
            sent = progress(received=file.received, size=file.size)
            return problem(CHECKSUM_MISMATCH, str(error), headers=sent, title="Checksum Mismatch")
        await in_transaction(request, count_received, file, start=chunk.offset, end=end)
        RUNNING.keep(path, descriptor, so_far, end)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=progress(received=end, size=file.size))


@router.post(FILE + "/check", status_code=HTTPStatus.NO_CONTENT, openapi_extra=described(HashStatement))
async def check(request: Request, sender: AnySender, upload_id: UploadId, number: FileNumber) -> Response:
    """Compare a whole file with what its sender has. One that differs starts over."""
    said = await read(request, HashStatement)
    path = _store(request).part(upload_id, number)
    with locked(path) as descriptor:
        file = await in_transaction(request, find_file, sender.id, upload_id, number)
        if file.received < file.size:
            raise OffsetError(file.received)
        known = RUNNING.before(path, descriptor, file.size)
        await in_writers_thread(cut_off, descriptor, file.size)
        found = known.hexdigest() if known else await in_writers_thread(hash_file, descriptor, file.size)
        if found != said.sha256:
            await in_transaction(request, start_over, file)
            raise ChangedError(f"{file.name} is not what you have: it changed on its way or while it was sent.")
        await in_transaction(request, record_hash, file, said.sha256)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/uploads/{upload_id}/finish", status_code=HTTPStatus.ACCEPTED)
async def finish(request: Request, sender: AnySender, upload_id: UploadId) -> CheckpointStanding:
    """Look at the whole checkpoint and put it into the store; a worker then tries whether it can be used."""
    store = _store(request)
    with ExitStack() as locks:
        locks.enter_context(locked(store.upload(upload_id)))
        for file in await in_transaction(request, whole_files, sender.id, upload_id):
            locks.enter_context(locked(store.part(upload_id, file.number)))
        # Nobody writes any more, and nobody has since each was compared: what is looked at is what is stored.
        files = await in_transaction(request, whole_files, sender.id, upload_id)
        try:
            published = await in_writers_thread(publish, store, upload_id, files)
        except CheckpointRefusedError as refused:
            await in_transaction(request, refuse_upload, upload_id, str(refused))
            await in_writers_thread(store.forget, upload_id)
            raise
        checkpoint = await in_transaction(request, store_upload, upload_id, published, store=store)
        await in_writers_thread(store.forget, upload_id)
    return await in_transaction(request, _standing, checkpoint.id)


@router.get("/checkpoints/{checkpoint_id}")
async def show_checkpoint(request: Request, _asker: Asker, checkpoint_id: AnyCheckpoint) -> CheckpointStanding:
    """Where a checkpoint stands."""
    return await in_transaction(request, _standing, checkpoint_id)


def _begin(session: Session, sender: Visitor, said: UploadStatement, request: Request) -> UploadState:
    settings = resources_of(request).settings
    limits = Limits(int(settings.upload_quota_gb * GB), int(settings.upload_margin_gb * GB))
    upload = begin_upload(session, sender.id, said.name, _announced(said), store=_store(request), limits=limits)
    return _state(session, sender.id, upload.id)


def _begin_trained(
    session: Session, person_id: int, checkpoint_id: int, said: TrainedUploadStatement, request: Request
) -> UploadState:
    margin = int(resources_of(request).settings.upload_margin_gb * GB)
    store = _store(request)
    upload = begin_trained(session, person_id, checkpoint_id, _announced(said), store=store, margin=margin)
    return _state(session, person_id, upload.id)


def _announced(said: TrainedUploadStatement) -> list[Announced]:
    return [Announced(file.name, file.size, file.modified) for file in said.files]


def _state(session: Session, person_id: int, upload_id: UUID) -> UploadState:
    upload = find_upload(session, person_id, upload_id)
    files = [FileState.model_validate(file) for file in files_of(session, upload_id)]
    return UploadState(id=upload.id, checkpoint=upload.checkpoint_id, files=files)


def _cancel(session: Session, person_id: int, upload_id: UUID) -> None:
    cancel_upload(session, find_upload(session, person_id, upload_id), CANCELLED, by_id=person_id)


def _standing(session: Session, checkpoint_id: int) -> CheckpointStanding:
    checkpoint, files = find_with_files(session, checkpoint_id)
    return CheckpointStanding(
        id=checkpoint.id,
        name=checkpoint.name,
        state=checkpoint.state,
        reason=checkpoint.reason,
        source=checkpoint.source,
        files=[CheckpointFileState.model_validate(file) for file in files],
    )


def _store(request: Request) -> Store:
    return Store(resources_of(request).settings.store_dir)
