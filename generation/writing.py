"""One system's way from contexts to continuations: its checkpoint, its tokens, its decoding."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.continuations import Written
from app.domain.engine_settings import engine_settings_of
from app.domain.images import ImageError
from app.domain.reference_tokens import CONTINUATION_TOKENS, ReferenceTokenizer
from app.models import Checkpoint, Passage, System, TrainingTexts
from app.settings import Settings
from generation.blocking import citation_index
from generation.checkpoint_folder import checkpoint_folder
from generation.engines.base import Decoding, Engine, Generated, Prompt, passage_seed
from generation.loaded import Loaded
from generation.own_tokens import OwnTokens

if TYPE_CHECKING:
    from generation.chat import ChatTemplate

# A system with other tokens may need more of them for the same text; one that needs 8 times as many writes no text.
MOST_TOKENS = 8 * CONTINUATION_TOKENS


@dataclass(frozen=True)
class Writer:
    """A system that is ready to write."""

    engine: Engine
    own_tokens: OwnTokens
    reference: ReferenceTokenizer
    decoding: Decoding
    seed: int
    citation_index: Path | None = None
    chat: "ChatTemplate | None" = None

    @property
    def own_tokens_are_reference(self) -> bool:
        """Whether the system counts as the study does, so that its ids need no counting again."""
        return self.own_tokens.are(self.reference)

    def write(self, passages: Sequence[Passage]) -> list[Written]:
        """A continuation for each passage, as long as the study compares; a passage's draws depend on it alone."""
        prompts = [
            Prompt(tuple(self._prompt(passage.context)), passage_seed(self.seed, passage.content_hash))
            for passage in passages
        ]
        needed = new_tokens = max(passage.continuation_tokens for passage in passages)
        while True:
            generated = self.engine.generate(
                prompts, self.decoding, new_tokens=new_tokens, citation_index=self.citation_index
            )
            written = [self._written(*three) for three in zip(passages, prompts, generated, strict=True)]
            if self.own_tokens_are_reference or new_tokens >= MOST_TOKENS:
                return written
            shortest = min(map(self._reference_tokens, passages, written))
            if shortest >= needed:
                return written
            # From the start again: the same seeds and scores lead through the same tokens.
            new_tokens = min(MOST_TOKENS, math.ceil(1.1 * new_tokens * needed / max(1, shortest)))

    def _prompt(self, context: str) -> list[int]:
        return self.own_tokens.exactly(self.chat.prompt(context)) if self.chat else self.own_tokens.prompt(context)

    def _written(self, passage: Passage, prompt: Prompt, generated: Generated) -> Written:
        text = self.own_tokens.text_after(prompt.token_ids, generated.token_ids)
        if self.chat:
            text = after_context(passage.context, text)
        engine = f"{self.engine.name}, {'chat template' if self.chat else self.own_tokens.beginning}"
        count = generated.citations
        counts = (count.matches, count.effective_blocks) if count else ()
        return Written(generated.token_ids, text, generated.eos_position, engine, *counts)

    def _reference_tokens(self, passage: Passage, written: Written) -> int:
        return self.reference.count(passage.context, written.text)


def prepare_writer(
    system: System,
    checkpoint: Checkpoint,
    texts: TrainingTexts | None,
    *,
    engine: str,
    reference: ReferenceTokenizer,
    loaded: Loaded,
) -> Writer:
    """Load what the system needs, unless it is loaded. Raises a ToprankError whose message says what to do."""
    folder = checkpoint_folder(checkpoint.source)
    index = citation_index(system, texts, folder, Settings().cache_dir)
    decoding = Decoding(
        strategy=system.strategy.value,
        top_p=system.top_p,
        temperature=system.temperature,
        top_k=system.top_k,
        repetition_penalty=system.repetition_penalty,
    )
    chat = _chat_template(folder) if system.chat_template else None
    own_tokens = OwnTokens(folder)
    own_tokens.check_vocabulary(folder)
    if (own_tokens.palette or reference.palette) and not own_tokens.are(reference):
        raise ImageError(
            f"The images of the study have another palette or size than those of the checkpoint {checkpoint.name}. "
            "Make the study with the checkpoint's tokenizer.json, or take a checkpoint of the study's palette."
        )
    writing = loaded.engine(engine, folder, engine_settings_of(checkpoint))
    return Writer(writing, own_tokens, reference, decoding, system.seed, index, chat)


def _chat_template(checkpoint: Path) -> "ChatTemplate":
    from generation.chat import ChatTemplate  # only who applies one needs jinja2

    return ChatTemplate(checkpoint)


def after_context(context: str, reply: str) -> str:
    """A reply as a continuation of the context that was said: a space between words, which a reply begins without.

    >>> after_context("He went", "home."), after_context("He went", ", and left")
    (' home.', ', and left')
    """
    is_apart = not reply or reply[0].isspace() or context[-1:].isspace() or not reply[0].isalnum()
    return reply if is_apart else f" {reply}"
