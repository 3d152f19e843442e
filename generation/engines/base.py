"""What every engine does: prompts as token ids in, continuations as token ids out, always of the asked length."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from app.domain.engine_settings import EngineSettings
from app.errors import ToprankError
from generation.citation.index import CitationCount

__all__ = [
    "CheckpointError",
    "Decoding",
    "Engine",
    "EngineError",
    "EngineSettings",
    "Generated",
    "OutOfMemoryError",
    "Prompt",
    "passage_seed",
]


class CheckpointError(ToprankError):
    """The checkpoint cannot be loaded."""


class EngineError(ToprankError):
    """The engine cannot do what is asked of it."""


class OutOfMemoryError(EngineError):
    """A batch does not fit the memory of the device; a smaller one may."""

    def __init__(self, checkpoint: str) -> None:
        super().__init__(
            f"Not even one text at a time fits the memory beside the checkpoint {checkpoint}. Free memory on the "
            "worker's machine, or start a worker on a larger one, then generate or score again."
        )


@dataclass(frozen=True)
class Decoding:
    """How the next token is chosen; the nucleus settings are the paper's and mean nothing to greedy decoding.

    Raises ValueError for settings that no engine could follow.
    """

    strategy: Literal["greedy", "nucleus"] = "greedy"
    top_p: float = 0.9
    temperature: float = 0.7
    top_k: int = 50
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; it has to be above 0 and at most 1.")
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise ValueError(f"temperature is {self.temperature}; it has to be a positive number.")
        if self.top_k < 0:
            raise ValueError(f"top_k is {self.top_k}; it has to be 0 (off) or more.")
        if not (self.repetition_penalty > 0 and math.isfinite(self.repetition_penalty)):
            raise ValueError(f"repetition_penalty is {self.repetition_penalty}; it has to be a positive number.")


@dataclass(frozen=True)
class Prompt:
    """A context in the checkpoint's own tokens, and the seed of its draws."""

    token_ids: tuple[int, ...]
    seed: int = 0


@dataclass(frozen=True)
class Generated:
    """A continuation; `eos_position` (0-based) is where the end of sequence would have come first, None if never.

    `citations` says, where citations were blocked, how often that happened.
    """

    token_ids: tuple[int, ...]
    eos_position: int | None
    citations: CitationCount | None = None


class Engine(Protocol):
    """A loaded checkpoint that generates."""

    name: str

    def generate(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, new_tokens: int, citation_index: Path | None = None
    ) -> list[Generated]:
        """Continue each prompt by exactly `new_tokens` tokens, the end of sequence suppressed, in order.

        Citations are blocked by the index in the folder, if one is named. Raises EngineError for what the engine cannot
        do, CitationIndexError for an index that cannot be used, OutOfMemoryError, after which fewer prompts may do.
        """
        ...

    def close(self) -> None:
        """Release the model and its memory; nothing is generated afterwards."""
        ...


def passage_seed(system_seed: int, passage_key: str) -> int:
    """A seed of 63 bits for one passage, so that neither batch nor restart changes its draws.

    >>> passage_seed(0, "a") == passage_seed(0, "a") != passage_seed(1, "a")
    True
    """
    digest = hashlib.sha256(f"{system_seed}:{passage_key}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 1
