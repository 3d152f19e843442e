"""The citation index: how long it takes to build and to map, and what a look-up costs for each step of a batch.

The training sets are made: tokens of the checkpoint's vocabulary by Zipf's law in samples of 256. Every second row of a
batch stands in the training set. The baseline is a Python dictionary from five tokens to what is banned after them,
for the small set only: the large one would not fit.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from generation.citation.boundaries import WordBoundaries
from generation.citation.index import CitationIndex
from generation.citation.training_set import TrainingSet

SAMPLE = 256
SAMPLES = {"0.5M": 2_000, "50M": 195_313}
SMALL = "0.5M"
BATCHES = (1, 64, 256)
STEPS = 300


def measure_blocker(checkpoint: Path, folder: Path, *, gpu: bool) -> dict[str, Any]:
    """Build, map and look-up times for each size of training set."""
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    return {name: _measure(name, tokenizer, folder / f"index-{name}", gpu=gpu) for name in SAMPLES}


def _measure(name: str, tokenizer: Tokenizer, folder: Path, *, gpu: bool) -> dict[str, Any]:
    samples = _samples(SAMPLES[name], tokenizer.get_vocab_size())
    training_set = TrainingSet.from_samples(samples)
    began = time.process_time()
    built = CitationIndex.build(training_set, WordBoundaries(tokenizer))
    build_s = time.process_time() - began
    built.save(folder)
    began = time.perf_counter()
    index = CitationIndex.load(folder)
    load_ms = 1000 * (time.perf_counter() - began)
    found: dict[str, Any] = {"tokens": samples.size, "build_cpu_s": round(build_s, 2), "load_ms": round(load_ms, 2)}
    table = _dictionary(index, samples) if name == SMALL else None
    found["per_step"] = {str(batch): _look_ups(index, samples, batch, table, gpu=gpu) for batch in BATCHES}
    return found


def _samples(count: int, vocabulary: int) -> NDArray[np.int32]:
    """Token ids [count, 256] by Zipf's law, drawn by inversion."""
    cumulated = np.cumsum(1 / np.arange(1, vocabulary + 1) ** 1.05)
    draws = np.random.default_rng(0).random(count * SAMPLE) * cumulated[-1]
    samples: NDArray[np.int32] = cumulated.searchsorted(draws).astype(np.int32).reshape(count, SAMPLE)
    return samples


def _look_ups(
    index: CitationIndex, samples: NDArray[np.int32], batch: int, table: dict[Any, Any] | None, *, gpu: bool
) -> dict[str, float]:
    random = np.random.default_rng(1)
    steps = [_recent(samples, batch, random) for _ in range(STEPS)]
    found = {"us": _median_us(index.banned, steps)}
    if table is not None:
        found["dictionary_us"] = _median_us(lambda recent: [table.get(tuple(row)) for row in recent.tolist()], steps)
        found["ratio"] = round(found["us"] / found["dictionary_us"], 2)
    if gpu:
        found["on_device_us"] = _on_device_us(index, steps)
    return found


def _recent(samples: NDArray[np.int32], batch: int, random: np.random.Generator) -> NDArray[np.int64]:
    """The last five tokens of each row; every second stands in the training set."""
    rows, columns = random.integers(len(samples), size=batch), random.integers(SAMPLE - 6, size=batch)
    recent: NDArray[np.int64] = samples[rows[:, None], columns[:, None] + np.arange(5)].astype(np.int64)
    recent[1::2, 2] = samples.max() - recent[1::2, 2]
    return recent


def _dictionary(index: CitationIndex, samples: NDArray[np.int32]) -> dict[Any, Any]:
    windows = np.lib.stride_tricks.sliding_window_view(samples, 5, axis=1).reshape(-1, 5).astype(np.int64)
    rows, tokens = index.banned(windows)
    table: dict[Any, Any] = {}
    for row, token in zip(rows.tolist(), tokens.tolist(), strict=True):
        table.setdefault(tuple(windows[row].tolist()), set()).add(token)
    return table


def _median_us(look_up: Callable[[NDArray[np.int64]], object], steps: list[NDArray[np.int64]]) -> float:
    times = []
    for recent in steps:
        began = time.perf_counter()
        look_up(recent)
        times.append(time.perf_counter() - began)
    return round(1e6 * median(times), 1)


def _on_device_us(index: CitationIndex, steps: list[NDArray[np.int64]]) -> float:
    import torch

    from generation.citation.vllm_v2 import DeviceTable

    device = torch.device("cuda")
    table = DeviceTable(index.table, device)
    logits = torch.zeros(len(steps[0]), index.vocabulary_size, device=device)
    wanted = torch.ones(len(steps[0]), dtype=torch.bool, device=device)

    def ban(recent: NDArray[np.int64]) -> None:
        table.ban(logits, torch.from_numpy(recent).to(device), wanted)
        torch.cuda.synchronize()

    return _median_us(ban, steps)
