"""/api/v1/stored: the files of checkpoints, for workers that do not share the store; ranges go on after a cut."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import FileResponse

from app.auth.api_tokens import bearer
from app.checkpoints.statements import CheckpointFileState
from app.dependencies import in_transaction
from app.domain.store import STORED, Store
from app.errors import NotFoundError
from app.models import Checkpoint, CheckpointFile, Person
from app.models.person import TokenScope
from app.resources import resources_of

router = APIRouter(prefix="/stored", tags=["checkpoints"])
Sha256 = Annotated[str, Path(description="The hash of the checkpoint's manifest.", examples=["0" * 64])]
FileName = Annotated[str, Path(description="The file's name.", examples=["config.json"])]
Worker = Annotated[Person, Depends(bearer(TokenScope.WORKER))]


class Manifest(BaseModel):
    """What a checkpoint consists of; its hash is that of all this."""

    files: list[CheckpointFileState]


@router.get("/{sha256}")
async def show_manifest(request: Request, _worker: Worker, sha256: Sha256) -> Manifest:
    """The files of a stored checkpoint."""
    return Manifest(files=await in_transaction(request, _files, sha256))


@router.get("/{sha256}/files/{name:path}", response_class=FileResponse)
async def send_file(request: Request, _worker: Worker, sha256: Sha256, name: FileName) -> FileResponse:
    """One of its files, or the range of it that is asked for."""
    files = await in_transaction(request, _files, sha256)
    if name not in {file.name for file in files}:
        raise NotFoundError(f"The checkpoint has no file {name[:80]!a}.")
    folder = Store(resources_of(request).settings.store_dir).checkpoint(sha256)
    if not folder.is_dir():
        raise NotFoundError("The checkpoint is in the database and not in the store of this server.")
    return FileResponse(folder / name, media_type="application/octet-stream")


def _files(session: Session, sha256: str) -> list[CheckpointFileState]:
    owner = select(Checkpoint.id).where(Checkpoint.source == STORED + sha256).order_by(Checkpoint.id).limit(1)
    query = select(CheckpointFile).where(CheckpointFile.checkpoint_id == owner.scalar_subquery())
    files = session.scalars(query.order_by(CheckpointFile.name)).all()
    if not files:
        raise NotFoundError("There is no such checkpoint in the store.")
    return [CheckpointFileState.model_validate(file) for file in files]
