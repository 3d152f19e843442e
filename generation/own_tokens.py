"""A system's own tokenizer: what the model reads of a context, and what its tokens say."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from app.domain.reference_tokens import ReferenceTokenizer
from app.errors import ToprankError


class NoTokenizerError(ToprankError):
    """A checkpoint has no tokenizer that can be read."""


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

    def are(self, reference: ReferenceTokenizer) -> bool:
        """Whether these are the study's reference tokens."""
        return self._texts.sha256 == reference.sha256

    def prompt(self, context: str) -> list[int]:
        """What the model reads: the context, after a beginning-of-sequence token where the tokenizer has one."""
        return list(self._prompts.encode(context, add_special_tokens=True).ids)

    def parts(self, texts: Sequence[str]) -> list[tuple[list[int], list[int]]]:
        """Of each text, the special tokens that stand before it when a model reads it, and its own tokens."""
        before = self.prompt("a")[: self.beginning_length]
        encodings = self._prompts.encode_batch_fast(list(texts), add_special_tokens=False)
        return [(before, list(encoding.ids)) for encoding in encodings]

    @property
    def beginning_length(self) -> int:
        """How many special tokens stand before a text."""
        mask = self._prompts.encode("a", add_special_tokens=True).special_tokens_mask
        return mask.index(0)

    @property
    def beginning(self) -> str:
        """The policy at the beginning of a sequence, for the record."""
        added = self.beginning_length
        return "no beginning-of-sequence token" if not added else f"{added} beginning-of-sequence token"

    def text(self, token_ids: Sequence[int]) -> str:
        """What the tokens say."""
        return self._texts.decode(token_ids)

    def text_after(self, prompt: Sequence[int], token_ids: Sequence[int]) -> str:
        """The text that the tokens add to the prompt's."""
        return self._texts.text_after(prompt, token_ids)
