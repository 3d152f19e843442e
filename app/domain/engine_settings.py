"""How a checkpoint is loaded: kept with it, so that every worker loads it alike."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.errors import ConflictError, ToprankError
from app.models import Checkpoint, Continuation, Person, System

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class EngineSettings:
    """The defaults are safe for a checkpoint that fits one device.

    `dtype` "auto" is float32 on a CPU, where bfloat16 is slower; on a GPU the checkpoint's own for vLLM and bfloat16
    for transformers. The rest is for vLLM alone: `longest` counts prompt and continuation in tokens, and
    `pipeline_parallel` above 1 reaches over several nodes of a Ray cluster. Raises ToprankError for values that make
    no sense.
    """

    dtype: str = "auto"
    longest: int = 2048
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    gpu_memory_utilization: float = 0.9
    enforce_eager: bool = False

    def __post_init__(self) -> None:
        if self.dtype not in get_args(Dtype):
            raise ToprankError(f"dtype is {self.dtype!r}; choose from: {', '.join(get_args(Dtype))}.")
        if self.longest < 1 or self.tensor_parallel < 1 or self.pipeline_parallel < 1:
            raise ToprankError("The longest sequence and the numbers of parallel devices have to be 1 or more.")
        if not 0 < self.gpu_memory_utilization <= 1:
            raise ToprankError(f"The share of GPU memory is {self.gpu_memory_utilization}; it has to be in (0, 1].")

    def changed(self) -> dict[str, Any]:
        """What differs from the defaults, which is all that is kept."""
        usual = asdict(EngineSettings())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def engine_settings_of(checkpoint: Checkpoint) -> EngineSettings:
    """How the checkpoint is loaded."""
    return EngineSettings(**checkpoint.engine_settings)  # type: ignore[arg-type]


def change_engine_settings(
    session: Session, checkpoint: Checkpoint, settings: EngineSettings, *, by: Person | None = None
) -> None:
    """Load the checkpoint in this way from its next job on.

    Raises ConflictError for another number format once something was written in the present one: a system's texts are
    of one kind.
    """
    present = engine_settings_of(checkpoint)
    written = select(exists().where(System.checkpoint_id == checkpoint.id, Continuation.system_id == System.id))
    if settings.dtype != present.dtype and session.scalar(written):
        raise ConflictError(
            f"{checkpoint.name} has written in the number format {present.dtype} already. To have it in "
            f"{settings.dtype} too, add it again under another name."
        )
    if settings != present:
        checkpoint.engine_settings = settings.changed()
        record(session, by, "checkpoint.engine_settings", checkpoint, **asdict(settings))
