"""What a run of the trainer is asked for: a base, texts, and the trainer's choices."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import ToprankError

MOST_CHARACTERS = 64_000_000


@dataclass(frozen=True)
class Text:
    """A text to train on or to keep out of training, and where it is from if that is known."""

    text: str
    source: str | None = None


@dataclass(frozen=True)
class HyperfitPlan:
    """A checkpoint to be made of a base. `config` holds choices of the trainer's; those missing are its defaults.

    `image_tokens` is the tokenizer.json of an image model, whose texts are images.
    """

    name: str
    base: str
    texts_name: str
    texts: Sequence[Text]
    config: dict[str, Any]
    total_updates: int
    image_tokens: bytes | None = None

    @property
    def texts_sha256(self) -> str:
        """Identity of the texts, in their order."""
        digest = hashlib.sha256()
        for one in self.texts:
            digest.update(hashlib.sha256(one.text.encode()).digest())
        return digest.hexdigest()


def check_texts(texts: Sequence[Text]) -> None:
    """Raises ToprankError for more than the database keeps, or what is no text."""
    if sum(len(one.text) for one in texts) > MOST_CHARACTERS:
        raise ToprankError(
            f"The texts have more than {MOST_CHARACTERS:,} characters; a run learns a few of them by heart. Give less, "
            "or run `toprank hyperfit` where the file is."
        )
    if any("\0" in one.text for one in texts):
        raise ToprankError("A text holds a NUL character; it is no text file.")
