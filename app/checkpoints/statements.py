"""What programs say and are told of uploads and checkpoints, as JSON."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from app.models.checkpoint import CheckpointState

Said = TypeVar("Said", bound=BaseModel)


class Statement(BaseModel):
    """Refuses what it does not know, and takes no text for a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True, strict=True)


class FileStatement(Statement):
    """A file that is to come; `modified` is when it last changed at its sender, in milliseconds."""

    name: str
    size: Annotated[int, Field(ge=0, lt=2**60)]
    modified: Annotated[int | None, Field(ge=0, lt=2**60)] = None


class TrainedUploadStatement(Statement):
    """The files of a checkpoint that was trained elsewhere for this server, which has its name already."""

    files: list[FileStatement]


class UploadStatement(TrainedUploadStatement):
    """A checkpoint that is to come."""

    name: str


class HashStatement(Statement):
    """What a whole file is, as its sender has it."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])]


class FileState(FileStatement):
    """How much of a file is there; its hash once that was compared with the sender's."""

    number: int
    received: int
    sha256: str | None


class UploadState(Statement):
    """How much of an upload is there, and which checkpoint it will be."""

    id: UUID
    checkpoint: int
    files: list[FileState]


class CheckpointFileState(Statement):
    """A file of a checkpoint in the store."""

    name: str
    size: int
    sha256: str


class CheckpointStanding(Statement):
    """Where a checkpoint stands; `reason` says why it is refused or failed."""

    id: int
    name: str
    state: CheckpointState
    reason: str | None
    source: str
    files: list[CheckpointFileState]


async def read(request: Request, kind: type[Said]) -> Said:
    """The body of a request, which is read only now that it is known who asks.

    Raises RequestValidationError for what is no such statement.
    """
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors(include_context=False)]
        raise RequestValidationError(problems) from error


def described(kind: type[BaseModel]) -> dict[str, object]:
    """For the OpenAPI document, since the framework does not read these bodies."""
    schema = kind.model_json_schema(ref_template="{model}")
    inlined = _inlined(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inlined}}}}


def _inlined(part: Any, parts: Mapping[str, Any]) -> Any:
    """The schema with each part that it refers to in place, since nothing else in the document has them."""
    if isinstance(part, dict):
        return (
            _inlined(parts[part["$ref"]], parts) if "$ref" in part else {k: _inlined(v, parts) for k, v in part.items()}
        )
    return [_inlined(one, parts) for one in part] if isinstance(part, list) else part
