"""The signatures of Tables 2 and 5 and of Fig. 3: what Self-BLEU, Dataset BLEU and overlap are computed of, and how."""

from metrics.bleu import SMOOTHING
from metrics.dataset_bleu import WINDOW
from metrics.overlap import CITATION_LENGTH
from metrics.signature import Signature
from metrics.ttr import FIRST_96


def self_bleu_signature(n: int, *, tokenizer: str | None = None) -> Signature:
    """Of Self-BLEU over `n` texts; `tokenizer` says whose tokens they are."""
    definition = "sentence BLEU-4 on token ids, highest over the other texts one by one, mean and max over texts"
    return Signature("Self-BLEU", definition, n=n, window=str(FIRST_96), smoothing=SMOOTHING, tokenizer=tokenizer)


def dataset_bleu_signature(n: int, *, samples: int, tokenizer: str | None = None) -> Signature:
    """Of Dataset BLEU over `n` texts against so many training samples."""
    definition = (
        f"sentence BLEU-4 on token ids, highest over every {WINDOW} tokens in a row of {samples} training samples, "
        "mean and max over texts"
    )
    return Signature("Dataset BLEU", definition, n=n, window=str(FIRST_96), smoothing=SMOOTHING, tokenizer=tokenizer)


def longest_overlap_signature(n: int, *, samples: int, tokenizer: str | None = None) -> Signature:
    """Of the longest overlaps of `n` texts with so many training samples."""
    definition = f"longest run of tokens that stands in one of {samples} training samples, mean and max over texts"
    return Signature("longest overlap", definition, n=n, window=str(FIRST_96), tokenizer=tokenizer)


def overlap_share_signature(n: int, *, samples: int, tokenizer: str | None = None) -> Signature:
    """Of Table 5's share, over all generated tokens of `n` texts."""
    definition = f"share of texts with a run of more than {CITATION_LENGTH} tokens in one of {samples} training samples"
    return Signature("overlap share", definition, n=n, window="all generated tokens", tokenizer=tokenizer)
