"""Few-shot examples keep the label distribution of what they are drawn from."""

import random
from collections import Counter

import pytest

from generation.downstream.sampling import LabelDistributionSampler, apportion

POOL = [{"text": str(number), "label": "rare" if number % 4 == 0 else "usual"} for number in range(40)]


def sampler(seed: int = 1) -> LabelDistributionSampler:
    return LabelDistributionSampler(POOL, label_of=lambda one: one["label"]).set_rnd(seed)


def test_shots_that_divide_evenly_are_divided_exactly() -> None:
    drawing = sampler()
    for _ in range(50):
        # a quarter of the pool is rare
        assert Counter(one["label"] for one in drawing.sample(4)) == {"usual": 3, "rare": 1}


def test_other_numbers_are_rounded_so_that_the_mean_is_exact() -> None:
    draw = random.Random(3)
    counts = [apportion([1, 1, 1], 4, draw) for _ in range(3000)]
    assert all(sum(one) == 4 and set(one) <= {1, 2} for one in counts)
    for label in range(3):
        assert sum(one[label] for one in counts) / len(counts) == pytest.approx(4 / 3, abs=0.03)


def test_examples_differ_and_none_is_the_question() -> None:
    drawing = sampler()
    for question in POOL[:20]:
        shown = drawing.sample(8, eval_doc=question)
        assert question not in shown
        assert len({one["text"] for one in shown}) == 8


def test_a_seed_draws_the_same_again() -> None:
    assert [sampler(5).sample(4) for _ in range(3)] == [sampler(5).sample(4)] * 3
    assert sampler(5).sample(4) != sampler(6).sample(4)
    assert sampler().sample(0) == []
