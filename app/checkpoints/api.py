"""/api/v1/checkpoints: the models that systems are made of."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from app.api_fields import Body, CheckpointId, Title
from app.auth.api_tokens import ApiReader, ApiWriter
from app.dependencies import DbSession
from app.domain.engine_settings import Dtype, EngineSettings, change_engine_settings, engine_settings_of
from app.domain.registry import find_with_files, validate_again
from app.domain.systems import add_hub_checkpoint, page_of_checkpoints
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
    loading: EngineSettings
    created_at: datetime

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """What the row says."""
        columns = {name: getattr(checkpoint, name) for name in cls.model_fields if name != "loading"}
        return cls(**columns, loading=engine_settings_of(checkpoint))


class Loading(Body):
    """How workers load it: all but `dtype` is for vLLM alone."""

    dtype: Dtype = "auto"
    longest: Annotated[int, Field(ge=1, le=10_000_000)] = 2048
    tensor_parallel: Annotated[int, Field(ge=1, le=1024)] = 1
    pipeline_parallel: Annotated[int, Field(ge=1, le=1024)] = 1
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    enforce_eager: bool = False

    @property
    def settings(self) -> EngineSettings:
        """The same for the domain."""
        return EngineSettings(**self.model_dump())


class NewCheckpoint(Body):
    """A checkpoint of the hub; folders on this machine are registered by a command, others are uploaded."""

    name: Title
    hub_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,96}/[A-Za-z0-9_.-]{1,96}$", examples=["org/model"])]
    instruct: bool = False
    loading: Annotated[Loading, Field(default_factory=Loading)]


@router.get("")
def list_checkpoints(
    request: Request, _reader: ApiReader, session: DbSession, paging: Annotated[Paging, Query()]
) -> Page[CheckpointSummary]:
    """Every checkpoint, the oldest first."""
    rows = page_of_checkpoints(session, after=paging.after, limit=paging.fetched)
    return page(request, paging, rows, CheckpointSummary.of)


@router.post("", status_code=201)
def register(writer: ApiWriter, session: DbSession, once: Once, body: NewCheckpoint) -> CheckpointSummary:
    """Register a checkpoint of the hub by its id; workers fetch it."""

    def deed() -> CheckpointSummary:
        loading = body.loading.settings
        made = add_hub_checkpoint(session, body.name, body.hub_id, loading, instruct=body.instruct, by=writer)
        return CheckpointSummary.of(made)

    return once(CheckpointSummary, deed)


@router.post("/{checkpoint_id}/validate")
def try_again(writer: ApiWriter, session: DbSession, once: Once, checkpoint_id: CheckpointId) -> CheckpointSummary:
    """Let a worker try an uploaded checkpoint once more that failed; any other stays as it is."""

    def deed() -> CheckpointSummary:
        checkpoint, _ = find_with_files(session, checkpoint_id)
        validate_again(session, checkpoint, by=writer)
        session.flush()
        return CheckpointSummary.of(checkpoint)

    return once(CheckpointSummary, deed)


@router.put("/{checkpoint_id}/loading")
def set_loading(
    writer: ApiWriter, session: DbSession, once: Once, checkpoint_id: CheckpointId, body: Loading
) -> CheckpointSummary:
    """Change how workers load a checkpoint; a number format stays once something was written in it."""

    def deed() -> CheckpointSummary:
        checkpoint, _ = find_with_files(session, checkpoint_id)
        change_engine_settings(session, checkpoint, body.settings, by=writer)
        return CheckpointSummary.of(checkpoint)

    return once(CheckpointSummary, deed)
