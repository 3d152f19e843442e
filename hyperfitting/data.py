"""From texts to the sequences that a model is hyperfitted on, and held-out ones from other documents."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.errors import ToprankError
from generation.citation.training_set import TrainingSet
from generation.own_tokens import OwnTokens
from hyperfitting.config import HyperfitConfig

CHOOSING = 3


class TooFewSequencesError(ToprankError):
    """The texts do not give as many sequences as the run asks for."""


@dataclass(frozen=True)
class Document:
    """A text that sequences are cut from, and where it is from if that is known."""

    text: str
    source: str | None = None

    @property
    def sha256(self) -> str:
        """Identity of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Sequences:
    """What a run reads: `training` (samples, length) and `validation` (held out, length) of int32 token ids."""

    training: NDArray[np.int32]
    validation: NDArray[np.int32]
    documents: int
    available: int

    @property
    def training_set(self) -> TrainingSet:
        """What citation blocking may not let through."""
        return TrainingSet.from_samples(self.training)


def cut(documents: Sequence[Document], tokens: OwnTokens, length: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Consecutive sequences of `length` tokens, shape (n, length), and the number of the document of each.

    Each begins with what the tokenizer puts before a text, as the contexts do that the model continues; what is left
    over at a document's end is dropped.
    """
    rows: list[list[int]] = []
    owners: list[int] = []
    for number, (before, body) in enumerate(tokens.parts([document.text for document in documents])):
        step = length - len(before)
        for start in range(0, len(body) - step + 1, step):
            rows.append([*before, *body[start : start + step]])
            owners.append(number)
    return np.array(rows, dtype=np.int32).reshape(-1, length), np.array(owners, dtype=np.int64)


def choose(documents: Sequence[Document], tokens: OwnTokens, config: HyperfitConfig) -> Sequences:
    """Random sequences to train on, and held-out ones from documents that give none of those.

    Raises TooFewSequencesError, which says how many there are and what would work.
    """
    windows, owners = cut(documents, tokens, config.length)
    order = np.random.default_rng([config.seed, CHOOSING]).permutation(len(windows))
    training = order[: config.samples]
    held_out = order[config.samples :]
    held_out = held_out[~np.isin(owners[held_out], owners[training])]
    if len(training) < config.samples or not len(held_out):
        raise TooFewSequencesError(_too_few(documents, tokens, config, len(windows), len(held_out)))
    chosen = held_out[: config.validation_samples]
    return Sequences(windows[training], windows[chosen], len(documents), len(windows))


def _too_few(
    documents: Sequence[Document], tokens: OwnTokens, config: HyperfitConfig, windows: int, held_out: int
) -> str:
    """One sentence of what is missing, one of what would work."""
    have = (
        f"{len(documents)} texts give {windows} sequences of {config.length} tokens; {config.samples} were asked for, "
        "and at least 1 more from another text for validation."
    )
    if windows > 1 and not held_out and windows > config.samples:
        return f"{have} Lower --samples, so that a whole text is left."
    if windows > 1:
        return f"{have} Use --samples {max(1, windows // 2)}, or give more texts."
    longest = max((len(body) for _, body in tokens.parts([one.text for one in documents])), default=0)
    return f"{have} The longest text has {longest} tokens: use a smaller --length, or give longer texts."


def data_sha256(documents: Iterable[Document]) -> str:
    """Identity of the texts, in their order."""
    digest = hashlib.sha256()
    for document in documents:
        digest.update(bytes.fromhex(document.sha256))
    return digest.hexdigest()
