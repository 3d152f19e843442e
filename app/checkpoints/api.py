"""/api/v1/checkpoints: the models that systems are made of."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from app.api_fields import Body, Title
from app.auth.api_tokens import ApiReader, ApiWriter
from app.dependencies import DbSession
from app.domain.systems import add_checkpoint, page_of_checkpoints
from app.idempotency import Once
from app.models import Checkpoint
from app.models.checkpoint import CheckpointState
from app.paging import Page, Paging, page

router = APIRouter(prefix="/checkpoints", tags=["checkpoints"])


class CheckpointSummary(BaseModel):
    """A checkpoint, and whether it is ready to generate."""

    id: int
    name: str
    source: str
    state: CheckpointState
    reason: str | None
    instruct: bool
    created_at: datetime

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """What the row says."""
        return cls.model_validate(checkpoint, from_attributes=True)


class NewCheckpoint(Body):
    """A checkpoint of the hub; folders on this machine are registered by a command, others are uploaded."""

    name: Title
    hub_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,96}/[A-Za-z0-9_.-]{1,96}$")]
    instruct: bool = False


@router.get("")
def list_checkpoints(
    request: Request, _reader: ApiReader, session: DbSession, paging: Annotated[Paging, Query()]
) -> Page[CheckpointSummary]:
    """Every checkpoint, the oldest first."""
    rows = page_of_checkpoints(session, after=paging.after, limit=paging.fetched)
    return page(request, paging, rows, CheckpointSummary.of)


@router.post("", status_code=201)
def register(_writer: ApiWriter, session: DbSession, once: Once, body: NewCheckpoint) -> CheckpointSummary:
    """Register a checkpoint of the hub by its id; workers fetch it."""

    def deed() -> CheckpointSummary:
        return CheckpointSummary.of(add_checkpoint(session, body.name, body.hub_id, instruct=body.instruct))

    return once(CheckpointSummary, deed)
