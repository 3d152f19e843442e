"""A system's own tokenizer: what the model reads of a context, and what its tokens say."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from app.domain.images import Palette
from app.domain.reference_tokens import ReferenceTokenizer
from app.errors import ToprankError


class NoTokenizerError(ToprankError):
    """A checkpoint has no tokenizer that can be read."""


@dataclass(frozen=True)
class Reading:
    """A text as a model reads it: its ids, how many special ones come first, and the UTF-8 bytes that are predicted."""

    token_ids: tuple[int, ...]
    beginning: int
    predicted_bytes: int

    @property
    def predicted(self) -> int:
        """How many tokens something stands before."""
        return len(self.token_ids) - max(self.beginning, 1)


class OwnTokens:
    """The tokenizer.json of a checkpoint. Special tokens before a context are those that the tokenizer puts there."""

    def __init__(self, checkpoint: Path) -> None:
        """Read the checkpoint's tokenizer.json. Raises NoTokenizerError."""
        file = checkpoint / "tokenizer.json"
        try:
            self.tokenizer_json = file.read_bytes()
        except OSError as error:
            raise NoTokenizerError(
                f"The checkpoint {checkpoint.name} has no tokenizer.json; save its fast tokenizer beside the weights."
            ) from error
        self._texts = ReferenceTokenizer(self.tokenizer_json).check()
        self._prompts = Tokenizer.from_buffer(self.tokenizer_json)
        self._prompts.no_truncation()
        self._prompts.no_padding()
        self._special = _special_at_the_beginning(self._prompts)

    @property
    def sha256(self) -> str:
        """Names the tokenizer."""
        return self._texts.sha256

    @property
    def palette(self) -> Palette | None:
        """The palette of an image model; None for one of texts."""
        return self._texts.palette

    def are(self, reference: ReferenceTokenizer) -> bool:
        """Whether these are the study's reference tokens."""
        return self.sha256 == reference.sha256

    def prompt(self, context: str) -> list[int]:
        """What the model reads: the context, after a beginning-of-sequence token where the tokenizer has one."""
        return [*self._special, *self._prompts.encode(context, add_special_tokens=False).ids]

    def exactly(self, text: str) -> list[int]:
        """The ids of a text in which every special token that the model is to read stands already."""
        return self._prompts.encode(text, add_special_tokens=False).ids

    def read(self, text: str) -> "Reading":
        """What the model reads of a text that is given, and what of it can be predicted."""
        encoding = self._prompts.encode(text, add_special_tokens=False)
        # Where nothing stands before the first token, nothing predicts it.
        start = 0 if self._special else encoding.offsets[0][1]
        return Reading((*self._special, *encoding.ids), len(self._special), len(text[start:].encode()))

    def parts(self, texts: Sequence[str]) -> list[tuple[list[int], list[int]]]:
        """Of each text, the special tokens that stand before it when a model reads it, and its own tokens."""
        encodings = self._prompts.encode_batch_fast(list(texts), add_special_tokens=False)
        return [(list(self._special), list(encoding.ids)) for encoding in encodings]

    @property
    def beginning_length(self) -> int:
        """How many special tokens stand before a text."""
        return len(self._special)

    @property
    def beginning(self) -> str:
        """The policy at the beginning of a sequence, for the record."""
        added = self.beginning_length
        return "no beginning-of-sequence token" if not added else f"{added} beginning-of-sequence token"

    def check_vocabulary(self, checkpoint: Path) -> None:
        """Raises NoTokenizerError where the checkpoint's config.json knows fewer tokens than its tokenizer writes."""
        try:
            config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return  # who loads the checkpoint says what is wrong with it
        known = config.get("vocab_size") or config.get("text_config", {}).get("vocab_size")
        largest = max(self._prompts.get_vocab(with_added_tokens=False).values(), default=0)
        if isinstance(known, int) and largest >= known:
            raise NoTokenizerError(
                f"The tokenizer of the checkpoint {checkpoint.name} has ids up to {largest}, its model knows {known} "
                "tokens: they do not belong together. Put the tokenizer.json that the weights were trained with there."
            )

    def text(self, token_ids: Sequence[int]) -> str:
        """What the tokens say."""
        return self._texts.decode(token_ids)

    def text_after(self, prompt: Sequence[int], token_ids: Sequence[int]) -> str:
        """The text that the tokens add to the prompt's."""
        return self._texts.text_after(prompt, token_ids)


def _special_at_the_beginning(tokenizer: Tokenizer) -> tuple[int, ...]:
    """What the tokenizer puts before a text; what it puts behind one would end it, so models never read that."""
    encoding = tokenizer.encode("a", add_special_tokens=True)
    special = [*encoding.special_tokens_mask, 0].index(0)
    return tuple(encoding.ids[:special])
