"""Simulated annotators of unequal load and leniency, on passages of unequal difficulty, whose true ratio is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.judgements import Judgements

QUOTA = 3
DATASETS = 3


@dataclass(frozen=True)
class People:
    """The same annotators in every repetition: how much each does and how lenient each is (log odds)."""

    load: NDArray[np.float64]
    leniency: NDArray[np.float64]

    @classmethod
    def hire(cls, count: int, generator: np.random.Generator) -> "People":
        return cls(generator.dirichlet(np.full(count, 2.0)), generator.normal(0, 0.7, count))


def judge(people: People, base: float, passages: int, generator: np.random.Generator) -> Judgements:
    """Three different annotators on each passage, drawn by their load; `base` is the log odds of an average one."""
    # Gumbel noise on the log weights draws without replacement by weight
    keys = np.log(people.load) + generator.gumbel(size=(passages, len(people.load)))
    chosen = np.argsort(-keys, axis=1)[:, :QUOTA]
    difficulty = generator.normal(0, 1.0, passages)
    odds = base + difficulty[:, None] + people.leniency[chosen]
    preferred = generator.random(chosen.shape) < 1 / (1 + np.exp(-odds))
    number = np.repeat(np.arange(passages), QUOTA)
    return Judgements(number % DATASETS, number, chosen.ravel(), preferred.ravel())


def truth(people: People, base: float, generator: np.random.Generator) -> float:
    """The ratio over passages without end, judged by these annotators."""
    return float(judge(people, base, 200_000, generator).preferred.mean())
