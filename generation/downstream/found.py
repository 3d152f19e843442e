"""What lm-evaluation-harness found, as numbers by task: nothing is scored here, only read."""

import math
from typing import Any, NamedTuple

import numpy as np

from app.domain.downstream_plan import PERPLEXITY


class Metric(NamedTuple):
    """A number as the harness gives it; `each` is by question where the number is their mean."""

    task: str
    shots: int
    metric: str
    value: float
    stderr: float | None
    questions: int
    each: list[float] | None = None


def leaf_metrics(found: dict[str, Any], shots: int) -> list[Metric]:
    """Every metric of every task that was asked."""
    metrics = []
    for task, samples in found["samples"].items():
        rows = in_order(samples)
        for name, value, stderr in _numbers(found["results"][task]):
            values = [float(row[name]) for row in rows if isinstance(row.get(name), int | float)]
            is_mean = len(values) == len(rows) and math.isclose(float(np.mean(values)), value, abs_tol=1e-9)
            metrics.append(Metric(task, shots, name, value, stderr, len(rows), values if is_mean else None))
    return metrics


def group_metrics(found: dict[str, Any], leaves: list[Metric], shots: int) -> list[Metric]:
    """What the harness makes of a group, with its questions' values one task after the other."""
    metrics = []
    for group, results in found.get("groups", {}).items():
        tasks = _leaves_of(found, group)
        inside = [one for one in leaves if one.task in tasks]
        for name, value, stderr in _numbers(results):
            parts = [one for one in inside if one.metric == name]
            questions = sum(one.questions for one in parts)
            metrics.append(Metric(group, shots, name, value, stderr, questions, _joined(parts)))
        read = [one for one in inside if one.metric == PERPLEXITY]
        if read:
            metrics.append(mean_of(group, shots, PERPLEXITY, _joined(read) or []))
    return metrics


def _leaves_of(found: dict[str, Any], name: str) -> list[str]:
    inside = found["group_subtasks"].get(name) or []
    return [leaf for one in inside for leaf in _leaves_of(found, one)] or [name]


def _joined(parts: list[Metric]) -> list[float] | None:
    values = [part.each for part in parts]
    return [one for each in values if each for one in each] if all(each is not None for each in values) else None


def _numbers(results: dict[str, Any]) -> list[tuple[str, float, float | None]]:
    """Name, value and standard error of each metric; keys are `metric,filter`."""
    numbers = []
    for key, value in results.items():
        name, comma, kind = key.partition(",")
        if not comma or name.endswith("_stderr") or not isinstance(value, int | float):
            continue
        stderr = results.get(f"{name}_stderr,{kind}")
        known = float(stderr) if isinstance(stderr, int | float) and math.isfinite(stderr) else None
        numbers.append((name if kind == "none" else f"{name} ({kind})", float(value), known))
    return numbers


def mean_of(task: str, shots: int, name: str, each: list[float]) -> Metric:
    """A mean over questions, with its standard error."""
    spread = float(np.std(each, ddof=1) / math.sqrt(len(each))) if len(each) > 1 else None
    return Metric(task, shots, name, float(np.mean(each)), spread, len(each), each)


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each question; a task with several filters has one for each of them."""
    first = {row["doc_id"]: row for row in reversed(rows)}
    return [first[number] for number in sorted(first)]
