"""The one checkpoint that a process has in memory: loaded when something needs it, kept while the same is needed again.

What it is asked for decides, not who asks: systems that differ in decoding or in what they may not cite share it, and
so does reading passages with a model that transformers wrote with.
"""

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generation.engines.base import Engine, EngineError, EngineSettings
from generation.images.checkpoints import is_image_model

if TYPE_CHECKING:
    from generation.predictor import Predictor

LOG = logging.getLogger("toprank.generation")
AUTOMATIC = "auto"
TRANSFORMERS, VLLM = ENGINES = ("transformers", "vllm")


class AnotherCheckpointError(Exception):
    """The process has a checkpoint in memory that is not the one asked for, and is to end before another is loaded."""


class Loaded:
    """At most one checkpoint in memory, by one engine with one way of loading it."""

    def __init__(self, *, never_another: bool = False) -> None:
        """`never_another`: raise AnotherCheckpointError instead of replacing what is loaded.

        Nothing gives all memory of a model back as surely as the end of its process.
        """
        self._never_another = never_another
        self._key: tuple[object, ...] | None = None
        self._engine: Any = None

    def engine(self, name: str, checkpoint: Path, settings: EngineSettings) -> Engine:
        """The named engine with the checkpoint. Raises EngineError, or CheckpointError with a reason."""
        name = resolve_engine(name, checkpoint)
        # All but the number format is for vLLM alone.
        settings = settings if name == VLLM else EngineSettings(dtype=settings.dtype)
        key = (name, checkpoint.resolve(), _stamp(checkpoint), settings)
        if key != self._key:
            if self._engine is not None and self._never_another:
                raise AnotherCheckpointError
            self.close()
            LOG.info("%s loads the checkpoint %s.", name, checkpoint.name)
            self._engine, self._key = _load(name, checkpoint, settings), key
        loaded: Engine = self._engine
        return loaded

    def predictor(self, checkpoint: Path) -> "Predictor":
        """What reads with the checkpoint in the usual number format. Raises CheckpointError with a reason."""
        engine: Any = self.engine(TRANSFORMERS, checkpoint, EngineSettings())
        from generation.predictor import Predictor

        return Predictor(checkpoint, loaded=(engine.model, engine.device))

    def close(self) -> None:
        """Release what is loaded."""
        if self._engine is not None:
            self._engine.close()
        self._engine = self._key = None


def check_engine(name: str) -> None:
    """Raises EngineError for the name of no engine."""
    if name not in (AUTOMATIC, *ENGINES):
        raise EngineError(f"There is no engine {name}; choose from: {AUTOMATIC}, {', '.join(ENGINES)}.")


def engine_here() -> str:
    """What `auto` means on this machine: vllm where it is installed and there is a GPU, else transformers."""
    if find_spec(VLLM) is None:
        return TRANSFORMERS
    import torch

    return VLLM if torch.cuda.is_available() else TRANSFORMERS


def resolve_engine(name: str, checkpoint: Path) -> str:
    """The engine that a name means for a checkpoint. Raises EngineError where there is none."""
    check_engine(name)
    if is_image_model(checkpoint):
        if name == VLLM:
            raise EngineError(f"vLLM runs no image models such as {checkpoint.name}; take transformers.")
        return TRANSFORMERS
    return engine_here() if name == AUTOMATIC else name


def _load(name: str, checkpoint: Path, settings: EngineSettings) -> Engine:
    if name == TRANSFORMERS:
        from generation.engines.transformers_engine import TransformersEngine

        return TransformersEngine(checkpoint, settings=settings)
    from generation.engines.vllm_engine import VllmEngine

    return VllmEngine(checkpoint, settings=settings)


def _stamp(checkpoint: Path) -> list[tuple[str, int, int, int]]:
    """Changes with the files: a folder of somebody's own may hold other weights the next time."""
    files = sorted(file for kind in ("*.safetensors", "*.json") for file in checkpoint.glob(kind))
    stats = [(file.name, file.stat()) for file in files if file.exists()]  # a hub's cache may have links to nothing
    return [(name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
