"""What a citation-blocked system may not repeat: the index of the training set, for the system's own tokens."""

from pathlib import Path

from tokenizers import Tokenizer

from app.errors import ToprankError
from app.models import System, TrainingTexts
from generation.citation.boundaries import WordBoundaries, hash_tokenizer
from generation.citation.index import CitationIndex
from generation.citation.storage import CitationIndexError
from generation.citation.training_set import TrainingSet
from generation.own_tokens import OwnTokens

# Where the trainer leaves the index of what it trained a checkpoint on.
BESIDE_THE_WEIGHTS = "citation_index"


class NothingToBlockError(ToprankError):
    """A system is to block citations, and nobody said of what."""

    def __init__(self, system: System) -> None:
        super().__init__(
            f"{system.name} is to block citations, but its checkpoint was not hyperfitted here and no training set was "
            "given. Add the system again with --training-set."
        )


def citation_index(system: System, texts: TrainingTexts | None, checkpoint: Path, cache_dir: Path) -> Path | None:
    """The folder of the index that the system blocks by, built on the first call; None where nothing is blocked.

    A training set that was given for the system comes before the one that its checkpoint was trained on. Raises
    NothingToBlockError where there is neither, CitationIndexError where what lies beside the weights is damaged or was
    built with another tokenizer than the checkpoint's.
    """
    if not system.block_citations:
        return None
    if texts is not None:
        return _built(texts, OwnTokens(checkpoint), cache_dir / "citation_indexes")
    beside = checkpoint / BESIDE_THE_WEIGHTS
    if not beside.is_dir():
        raise NothingToBlockError(system)
    tokenizer = Tokenizer.from_buffer(OwnTokens(checkpoint).tokenizer_json)
    CitationIndex.load(beside, hash_tokenizer(tokenizer))
    return beside


def _built(texts: TrainingTexts, own_tokens: OwnTokens, folder: Path) -> Path:
    tokenizer = Tokenizer.from_buffer(own_tokens.tokenizer_json)
    target = folder / f"{texts.sha256[:24]}-{hash_tokenizer(tokenizer)[:24]}"
    if not target.exists():
        samples = [encoding.ids for encoding in tokenizer.encode_batch(texts.texts, add_special_tokens=False)]
        index = CitationIndex.build(TrainingSet.from_samples(samples), WordBoundaries(tokenizer))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            index.save(target)
        except CitationIndexError:
            if not target.exists():  # else another process was faster, with the same result
                raise
    return target
