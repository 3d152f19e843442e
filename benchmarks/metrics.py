"""Self-BLEU, Dataset BLEU and overlap at full size, each beside the best libraries in the same run.

Times are CPU seconds of one thread, compiling excluded. Where a library would take minutes it does a stated sample of
the pairs, texts or tokens, and its time is extrapolated in proportion. Each measurement has a process of its own, for
its peak memory. The texts are made: tokens by Zipf's law, some texts loop, some recite the training set.

    python -m benchmarks.metrics --json
"""

import argparse
import json
import logging
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from functools import partial
from itertools import starmap
from typing import Any

import bleuscore
import numpy as np
import pydivsufsort
import sacrebleu
from nltk.translate.bleu_score import SmoothingFunction
from nltk.translate.bleu_score import sentence_bleu as nltk_bleu
from numpy.typing import NDArray

from metrics.bleu import sentence_bleu
from metrics.dataset_bleu import dataset_bleu
from metrics.overlap import overlaps
from metrics.self_bleu import self_bleu
from metrics.token_texts import TokenTexts

Tokens = NDArray[np.int64]
Pair = tuple[list[int], list[int]]
VOCABULARY = 20_000
LENGTH = 96
SAMPLE = 256
PAIRS = 300  # that each library scores before extrapolation
ROUNDS = 3


def make_texts(count: int, length: int, seed: int) -> Tokens:
    """Token ids, shape (count, length), by Zipf's law."""
    weights = 1 / np.arange(1, VOCABULARY + 1) ** 1.05
    return np.random.default_rng(seed).choice(VOCABULARY, (count, length), p=weights / weights.sum())


def make_generations(count: int, samples: Tokens) -> Tokens:
    """As texts, but one in ten loops and one in twenty recites 30 tokens of a sample."""
    texts = make_texts(count, LENGTH, seed=1)
    texts[::10, 32:] = np.tile(texts[::10, :16], (1, 4))
    texts[5::20, 40:70] = samples[np.arange(len(texts[5::20])) % len(samples), 100:130]
    return texts


def cpu_seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The least CPU time of some rounds."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def measure(work: Callable[[], object], rounds: int = ROUNDS) -> dict[str, Any]:
    """CPU time, and by how much the process grew at its peak over what it held with its input."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = cpu_seconds(work, rounds)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": round(seconds, 4), "peak_memory_mb": round(grown / 1024, 1)}


def measure_libraries(pairs: list[Pair], total: int) -> dict[str, Any]:
    """What each library needs for all pairs, from the pairs given; checks our score against nltk's on each."""
    logging.getLogger("sacrebleu").setLevel(logging.ERROR)  # it would advise at every score
    smoothing = SmoothingFunction(epsilon=0.1).method1
    words = [tuple(" ".join(map(str, text)) for text in pair) for pair in pairs]
    score = sacrebleu.BLEU(smooth_method="floor", smooth_value=0.1, tokenize="none", force=True)
    runs: dict[str, Callable[[], object]] = {
        "bleuscore": lambda: [bleuscore.compute([[other]], [text]) for text, other in words],
        "sacrebleu": lambda: [score.sentence_score(text, [other]) for text, other in words],
        "nltk": lambda: [nltk_bleu([other], text, smoothing_function=smoothing) for text, other in pairs],
    }
    theirs = [nltk_bleu([other], text, smoothing_function=smoothing) for text, other in pairs]
    assert np.allclose(list(starmap(sentence_bleu, pairs)), theirs, rtol=0, atol=1e-12)
    found = {name: cpu_seconds(run, 1) / len(pairs) * total for name, run in runs.items()}
    return {"pairs": total, "sampled_pairs": len(pairs)} | {name: round(value, 1) for name, value in found.items()}


def measure_self_bleu(count: int) -> dict[str, Any]:
    """Every text against every other one."""
    texts = make_generations(count, make_texts(50, SAMPLE, seed=2))
    self_bleu(texts[:20])
    ours = measure(lambda: self_bleu(texts), 1 if count > 1000 else ROUNDS)
    picks = np.random.default_rng(3).integers(0, count, (PAIRS, 2))
    pairs = [(texts[one].tolist(), texts[other].tolist()) for one, other in picks if one != other]
    return compared(ours, measure_libraries(pairs, count * (count - 1)))


def measure_dataset_bleu(count: int, samples: int) -> dict[str, Any]:
    """Every text against every window."""
    training = make_texts(samples, SAMPLE, seed=2)
    texts = make_generations(count, training)
    dataset_bleu(texts[:20], training[:20])
    ours = measure(lambda: dataset_bleu(texts, training))
    windows = SAMPLE - LENGTH + 1
    draw = np.random.default_rng(3)
    picks = zip(*(draw.integers(0, most, PAIRS) for most in (count, samples, windows)), strict=True)
    pairs = [(texts[text].tolist(), training[sample, at : at + LENGTH].tolist()) for text, sample, at in picks]
    return compared(ours, measure_libraries(pairs, count * samples * windows))


def compared(ours: dict[str, Any], libraries: dict[str, Any]) -> dict[str, Any]:
    """Both, and how many times as long the fastest library needs."""
    best = min(value for key, value in libraries.items() if "pairs" not in key)
    return {"ours": ours, "libraries": libraries, "best_library_over_ours": round(best / ours["seconds"])}


def measure_overlap(count: int, tokens: int, sorted_tokens: int) -> dict[str, Any]:
    """Texts against a training set; the library only sorts the suffixes of the training set, which is the first of
    two steps, and of a part where that would take minutes."""
    samples = make_texts(2000, SAMPLE, seed=2)
    texts = make_generations(count, samples)
    overlaps(texts[:20], samples[:20])
    repeats = -(-tokens // samples.size)
    order = np.random.default_rng(4).permuted(np.tile(samples, (repeats, 1)), axis=1) if repeats > 1 else samples
    training = TokenTexts.of(order.astype(np.int32).reshape(-1, SAMPLE))
    del order
    packed = TokenTexts.of(texts)
    ours = measure(lambda: overlaps(packed, training), ROUNDS if repeats == 1 else 1)
    part = training.tokens[:sorted_tokens].astype(np.uint16)
    theirs = measure(lambda: pydivsufsort.divsufsort(part), 1)
    seconds = theirs["seconds"] * training.tokens.size / len(part)
    library = {"pydivsufsort_build": round(seconds, 2), "sampled_tokens": len(part), "of_tokens": training.tokens.size}
    library["peak_memory_mb"] = theirs["peak_memory_mb"]
    return {"ours": ours, "libraries": library, "best_library_over_ours": round(seconds / ours["seconds"], 1)}


CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "self_bleu_300": partial(measure_self_bleu, 300),
    "self_bleu_1000": partial(measure_self_bleu, 1000),
    "self_bleu_10000": partial(measure_self_bleu, 10_000),
    "dataset_bleu_300_x_322000": partial(measure_dataset_bleu, 300, 2000),
    "overlap_1000_x_512k": partial(measure_overlap, 1000, 512_000, 512_000),
    "overlap_1000_x_50m": partial(measure_overlap, 1000, 50_000_000, 5_000_000),
}


def run_case(name: str) -> dict[str, Any]:
    """One measurement, and how busy the machine was."""
    return CASES[name]() | {"load_before": round(os.getloadavg()[0], 2)}


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the result as JSON (it is printed either way)")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    options = parser.parse_args()
    results = {}
    for name in options.cases:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            results[name] = pool.apply(run_case, (name,))
    print(json.dumps({"benchmark": "metrics", "cases": results}, indent=2))


if __name__ == "__main__":
    main()
