"""One system's way from contexts to continuations: its checkpoint, its tokens, its decoding."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.domain.continuations import Written
from app.domain.reference_tokens import CONTINUATION_TOKENS, ReferenceTokenizer
from app.errors import ToprankError
from app.models import Passage, System
from generation.checkpoint_folder import checkpoint_folder
from generation.engines.base import Decoding, Engine, Generated, Prompt, passage_seed
from generation.own_tokens import OwnTokens

ENGINES = ("transformers",)
# A system with other tokens may need more of them for the same text; one that needs 8 times as many writes no text.
MOST_TOKENS = 8 * CONTINUATION_TOKENS


class EngineError(ToprankError):
    """The engine cannot do what the system asks for."""


def check_engine(name: str) -> None:
    """Raises EngineError for the name of no engine."""
    if name not in ENGINES:
        raise EngineError(f"There is no engine {name}; choose from: {', '.join(ENGINES)}.")


def load_engine(name: str, checkpoint: Path) -> Engine:
    """The named engine with the checkpoint loaded. Raises EngineError, or the engine's own error with a reason."""
    if name == "transformers":
        from generation.engines.transformers_engine import TransformersEngine

        return TransformersEngine(checkpoint)
    raise EngineError(f"There is no engine {name}; choose from: {', '.join(ENGINES)}.")


@dataclass(frozen=True)
class Writer:
    """A system that is ready to write."""

    engine: Engine
    own_tokens: OwnTokens
    reference: ReferenceTokenizer
    decoding: Decoding
    seed: int

    @property
    def own_tokens_are_reference(self) -> bool:
        """Whether the system counts as the study does, so that its ids need no counting again."""
        return self.own_tokens.are(self.reference)

    def write(self, passages: Sequence[Passage]) -> list[Written]:
        """A continuation for each passage, as long as the study compares; a passage's draws depend on it alone."""
        prompts = [
            Prompt(tuple(self.own_tokens.prompt(passage.context)), passage_seed(self.seed, passage.content_hash))
            for passage in passages
        ]
        new_tokens = CONTINUATION_TOKENS
        while True:
            generated = self.engine.generate(prompts, self.decoding, new_tokens=new_tokens)
            written = [self._written(*pair) for pair in zip(prompts, generated, strict=True)]
            if self.own_tokens_are_reference or new_tokens >= MOST_TOKENS:
                return written
            shortest = min(map(self._reference_tokens, passages, written))
            if shortest >= CONTINUATION_TOKENS:
                return written
            # From the start again: the same seeds and scores lead through the same tokens.
            new_tokens = min(MOST_TOKENS, math.ceil(1.1 * new_tokens * CONTINUATION_TOKENS / max(1, shortest)))

    def _written(self, prompt: Prompt, generated: Generated) -> Written:
        text = self.own_tokens.text_after(prompt.token_ids, generated.token_ids)
        engine = f"{self.engine.name}, {self.own_tokens.beginning}"
        return Written(generated.token_ids, text, generated.eos_position, engine)

    def _reference_tokens(self, passage: Passage, written: Written) -> int:
        return self.reference.count(passage.context, written.text)


def prepare_writer(system: System, source: str, *, engine: str, reference: ReferenceTokenizer) -> Writer:
    """Load what the system needs. Raises a ToprankError whose message says what to do."""
    if system.block_citations:
        raise EngineError(f"{system.name} is to block citations, which the engine {engine} cannot do yet.")
    folder = checkpoint_folder(source)
    decoding = Decoding(
        strategy=system.strategy.value,
        top_p=system.top_p,
        temperature=system.temperature,
        top_k=system.top_k,
        repetition_penalty=system.repetition_penalty,
    )
    own_tokens = OwnTokens(folder)
    own_tokens.check_vocabulary(folder)
    return Writer(load_engine(engine, folder), own_tokens, reference, decoding, system.seed)
