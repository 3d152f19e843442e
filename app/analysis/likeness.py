"""What one system's texts have in common with each other and with the training set: plain values, ready to be kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.reference_tokens import ReferenceTokenizer
from metrics.dataset_bleu import dataset_bleu
from metrics.overlap import CITATION_LENGTH, Overlaps, Run, overlaps
from metrics.self_bleu import self_bleu
from metrics.ttr import FIRST_96

# Tokens of the training set that are kept on either side of an overlap, for reading.
AROUND = 16


@dataclass(frozen=True)
class WrittenText:
    """A continuation with what is needed to count it."""

    id: int
    dataset: str
    context: str
    text: str


def measure_texts(
    written: Sequence[WrittenText], samples: Sequence[Sequence[int]], reference: ReferenceTokenizer
) -> dict[str, Any]:
    """Tables 2 and 5 and Figure 3 of one system; what needs a second text or a training set is None without."""
    texts = [one for one in written if reference.count(one.context, one.text)]
    tokens = [reference.ids_after(one.context, one.text) for one in texts]
    first = [ids[: FIRST_96.stop] for ids in tokens]
    found: dict[str, Any] = {"texts": len(texts), "samples": len(samples), **_self_bleu(first)}
    if texts and any(samples):
        found |= _against(first, samples)
        found |= _overlaps(texts, overlaps(tokens, samples), reference)
    return found


def _self_bleu(first: list[list[int]]) -> dict[str, float | None]:
    if len(first) < 2:
        return {"self_bleu_mean": None, "self_bleu_max": None}
    found = self_bleu(first)
    return {"self_bleu_mean": found.mean, "self_bleu_max": found.max}


def _against(first: list[list[int]], samples: Sequence[Sequence[int]]) -> dict[str, Any]:
    likeness, runs = dataset_bleu(first, samples), overlaps(first, samples)
    return {
        "dataset_bleu_mean": likeness.mean,
        "dataset_bleu_max": likeness.max,
        "overlap_mean": runs.mean,
        "overlap_max": runs.max,
        "overlap_longest": runs.longest.tolist(),
    }


def _overlaps(texts: list[WrittenText], found: Overlaps, reference: ReferenceTokenizer) -> dict[str, Any]:
    """The share of each dataset's texts beyond the citation length, and where each longest overlap stands."""
    beyond: dict[str, list[bool]] = {}
    where: dict[str, dict[str, Any]] = {}
    for number, (written, longest) in enumerate(zip(texts, found.longest.tolist(), strict=True)):
        beyond.setdefault(written.dataset, []).append(longest > CITATION_LENGTH)
        where[str(written.id)] = {"tokens": longest}
        if longest > CITATION_LENGTH:
            run = max(found.runs(number), key=len)
            where[str(written.id)] |= _in_words(written, run, found, reference)
    return {
        "overlap_share": {name: sum(flags) / len(flags) for name, flags in beyond.items()},
        "overlap_texts": {name: len(flags) for name, flags in beyond.items()},
        "overlaps": where,
    }


def _in_words(written: WrittenText, run: Run, found: Overlaps, reference: ReferenceTokenizer) -> dict[str, Any]:
    """Characters of the continuation, and the training passage around the same tokens."""
    context = len(written.context)
    spans = [
        (max(start - context, 0), end - context)
        for start, end in reference.encode(written.context + written.text).offsets
        if end > context
    ]
    begin = int(found.samples.offsets[run.sample])
    sample = found.samples.tokens[begin : int(found.samples.offsets[run.sample + 1])].tolist()
    stop = run.sample_start + len(run)
    return {
        "start": spans[run.start][0],
        "stop": spans[run.stop - 1][1],
        "before": reference.decode(sample[max(0, run.sample_start - AROUND) : run.sample_start]),
        "text": reference.decode(sample[run.sample_start : stop]),
        "after": reference.decode(sample[stop : stop + AROUND]),
    }
