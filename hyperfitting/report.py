"""What a recipe found: every system on every dataset, with intervals, and how it differs from the base."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hyperfitting.checkpoints import code_version
from hyperfitting.evaluation import Evaluated
from hyperfitting.recipes import BASE, Recipe
from metrics.intervals import wilson
from metrics.means import Mean, mean_with_interval
from metrics.overlap import CITATION_LENGTH, overlaps
from metrics.repetition import repeated_share
from metrics.ttr import FIRST_96, SCENARIO_WINDOWS, windowed_ttr

Measure = Callable[[Evaluated], float]
MEASURES: dict[str, Measure] = {
    "TTR, first 96": lambda one: windowed_ttr(one.continuation, FIRST_96),
    "TTR, last 96 of 224": lambda one: windowed_ttr(one.continuation, SCENARIO_WINDOWS[256]),
    "repeated 4-grams": lambda one: repeated_share(one.continuation),
    "validation loss": lambda one: one.loss,
    "entropy": lambda one: one.entropy,
}
REPORT_JSON = "report.json"
TTR = "TTR, last 96 of 224"
COMPARED = (TTR, "repeated 4-grams", "validation loss", "entropy")
# What the citation blocker lets pass, and the length above which the paper finds under 2 % of the texts (s4.2).
RECITED = (CITATION_LENGTH, 10)


def write_report(
    out: Path,
    recipe: Recipe,
    evaluated: dict[str, list[Evaluated]],
    training_sets: dict[str, list[list[int]]],
    *,
    command: str,
) -> str:
    """Write report.json and report.md into the folder, and return the latter."""
    numbers = {name: _by_measure(rows) for name, rows in evaluated.items()}
    passages = {dataset: len(rows) for dataset, rows in by_dataset(next(iter(evaluated.values()))).items()}
    overlap = {
        trained_on: {name: _overlap(rows, samples) for name, rows in evaluated.items()}
        for trained_on, samples in training_sets.items()
    }
    agreed, code = agreement(evaluated), code_version()
    found: dict[str, object] = {"title": recipe.title, "command": command, "code": code, "passages": passages}
    found |= {"means": numbers, "overlap": overlap, "top_1_agreement": agreed}
    lines = [f"# {recipe.title}", "", f"    {command}", "", f"{code}. {_counts(passages)}", ""]
    for part in (_table(numbers), _differences(evaluated), _overlap_lines(overlap), _agreement_lines(agreed)):
        lines += [*part, ""]
    out.mkdir(parents=True, exist_ok=True)
    (out / REPORT_JSON).write_text(
        json.dumps(found, indent=1, default=_plain, allow_nan=False) + "\n", encoding="utf-8"
    )
    text = "\n".join(lines)
    (out / "report.md").write_text(text, encoding="utf-8")
    return text


def by_dataset(rows: Sequence[Evaluated]) -> dict[str, list[Evaluated]]:
    """The rows of each dataset, in the datasets' order."""
    found: dict[str, list[Evaluated]] = {}
    for row in rows:
        found.setdefault(row.dataset, []).append(row)
    return found


def agreement(evaluated: dict[str, list[Evaluated]]) -> dict[str, dict[str, float]]:
    """Share of places in the passages at which two systems find the same token most likely (Fig. 5 left)."""
    places = {name: [token for row in rows for token in row.top_1] for name, rows in evaluated.items()}
    return {
        one: {
            other: sum(a == b for a, b in zip(mine, theirs, strict=True)) / len(mine)
            for other, theirs in places.items()
        }
        for one, mine in places.items()
    }


def _by_measure(rows: Sequence[Evaluated]) -> dict[str, dict[str, Mean]]:
    return {
        dataset: {name: mean_with_interval([measure(row) for row in those]) for name, measure in MEASURES.items()}
        for dataset, those in by_dataset(rows).items()
    }


def _plain(mean: Mean) -> dict[str, float | None]:
    """As JSON has it, which knows no infinity: a single passage has no interval."""
    return {name: value if math.isfinite(value) else None for name, value in asdict(mean).items()}


def _overlap(rows: Sequence[Evaluated], samples: list[list[int]]) -> dict[str, object]:
    found = overlaps([list(row.continuation) for row in rows], samples)
    shares = {f"share_beyond_{length}": _share(found.share_beyond(length), len(rows)) for length in RECITED}
    return shares | {"longest": mean_with_interval(found.longest.tolist()), "max": found.max}


def _share(share: float, n: int) -> Mean:
    return Mean(share, *wilson(share, n), n)


def _counts(passages: dict[str, int]) -> str:
    named = ", ".join(f"{count} of {dataset}" for dataset, count in passages.items())
    return f"Held-out passages: {named}. Means with 95 % t intervals over passages; losses and entropy in nats."


def _table(numbers: dict[str, dict[str, dict[str, Mean]]]) -> list[str]:
    lines = ["| system | dataset | " + " | ".join(MEASURES) + " |", "|---" * (len(MEASURES) + 2) + "|"]
    for name, datasets in numbers.items():
        for dataset, means in datasets.items():
            lines.append(f"| {name} | {dataset} | " + " | ".join(map(str, means.values())) + " |")
    return lines


def _differences(evaluated: dict[str, list[Evaluated]]) -> list[str]:
    """Paired differences from the base, passage by passage."""
    lines = ["Difference from the base on the same passages, and on how many of them the last-96 TTR rose:", ""]
    lines += ["| system | dataset | " + " | ".join(COMPARED) + " | rose |", "|---" * (len(COMPARED) + 3) + "|"]
    base = by_dataset(evaluated[BASE])
    for name, rows in evaluated.items():
        for dataset, mine in by_dataset(rows).items():
            if name == BASE:
                continue
            pairs = list(zip(mine, base[dataset], strict=True))
            means = [
                str(mean_with_interval([MEASURES[measure](one) - MEASURES[measure](other) for one, other in pairs]))
                for measure in COMPARED
            ]
            rose = sum(MEASURES[TTR](one) > MEASURES[TTR](other) for one, other in pairs)
            lines.append(f"| {name} | {dataset} | " + " | ".join(means) + f" | {rose}/{len(pairs)} |")
    return lines


def _overlap_lines(found: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    beyond = " | ".join(f"more than {length}" for length in RECITED)
    lines = [
        "Overlap with training sets: share of continuations with such a run of tokens (95 % Wilson intervals), and the "
        "mean and the longest of their longest runs:",
        "",
        f"| training set of | system | {beyond} | mean | longest |",
        "|---" * (len(RECITED) + 4) + "|",
    ]
    for trained_on, systems in found.items():
        for name, one in systems.items():
            means = [one[key] for key in (*(f"share_beyond_{length}" for length in RECITED), "longest")]
            lines.append(f"| {trained_on} | {name} | " + " | ".join(map(str, means)) + f" | {one['max']} |")
    return lines


def _agreement_lines(found: dict[str, dict[str, float]]) -> list[str]:
    lines = ["Share of places with the same most likely token:", "", "| | " + " | ".join(found) + " |"]
    lines.append("|---" * (len(found) + 1) + "|")
    for name, others in found.items():
        lines.append(f"| {name} | " + " | ".join(f"{share:.3f}" for share in others.values()) + " |")
    return lines
