"""Which samples make which update."""

import pytest

from hyperfitting.batches import arranged, batch_of_update
from hyperfitting.config import HyperfitConfig, Order

CONFIG = {"samples": 20, "batch_size": 8, "seed": 3}


@pytest.mark.parametrize("order", Order)
def test_every_epoch_sees_each_sample_once(order):
    config = HyperfitConfig(**CONFIG, order=order)

    for epoch in range(3):
        seen = [number for update in range(3) for number in batch_of_update(config, 3 * epoch + update)]
        assert sorted(seen) == list(range(20))


def test_epochs_have_permutations_of_their_own():
    config = HyperfitConfig(**CONFIG)

    assert batch_of_update(config, 0) != batch_of_update(config, 3)


def test_the_last_batch_of_an_epoch_holds_what_is_left():
    assert len(batch_of_update(HyperfitConfig(**CONFIG), 2)) == 4


def test_shuffle_1_swaps_two_samples_and_leaves_the_permutations_as_they_are():
    given = HyperfitConfig(**CONFIG)
    swapped = HyperfitConfig(**CONFIG, order=Order.SHUFFLE_1)

    first, second = (number for number, other in enumerate(arranged(swapped)) if number != other)

    assert arranged(swapped)[first] == second
    exchange = {first: second, second: first}
    for update in range(6):
        as_given = batch_of_update(given, update)
        assert batch_of_update(swapped, update) == [exchange.get(number, number) for number in as_given]


def test_shuffle_all_moves_most_samples():
    numbers = arranged(HyperfitConfig(samples=200, order=Order.SHUFFLE_ALL))

    assert sum(number != place for place, number in enumerate(numbers)) > 180


def test_repeat_is_the_same_run_again():
    given, again = HyperfitConfig(**CONFIG), HyperfitConfig(**CONFIG, order=Order.REPEAT)

    assert [batch_of_update(given, update) for update in range(6)] == [
        batch_of_update(again, update) for update in range(6)
    ]


def test_another_seed_gives_other_batches():
    assert batch_of_update(HyperfitConfig(samples=20, seed=3), 0) != batch_of_update(
        HyperfitConfig(samples=20, seed=4), 0
    )


def test_one_sample_cannot_be_swapped_and_is_left_alone():
    assert arranged(HyperfitConfig(samples=1, order=Order.SHUFFLE_1)) == [0]
