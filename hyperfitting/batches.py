"""Which samples make which update: a function of the configuration alone, so that a run can go on anywhere."""

import numpy as np

from hyperfitting.config import HyperfitConfig, Order

# The seed's draws for one purpose are apart from those for another.
ARRANGING, EPOCHS = 1, 2


def arranged(config: HyperfitConfig) -> list[int]:
    """Sample numbers as the epochs' permutations see them: as given, two swapped, or all shuffled."""
    numbers = list(range(config.samples))
    draws = np.random.default_rng([config.seed, ARRANGING])
    if config.order is Order.SHUFFLE_1 and config.samples > 1:
        first, second = draws.choice(config.samples, size=2, replace=False).tolist()
        numbers[first], numbers[second] = numbers[second], numbers[first]
    if config.order is Order.SHUFFLE_ALL:
        numbers = draws.permutation(config.samples).tolist()
    return numbers


def batch_of_update(config: HyperfitConfig, update: int) -> list[int]:
    """Sample numbers of an update (0-based): a slice of its epoch's permutation."""
    epoch, place = divmod(update, config.epoch_updates)
    numbers = arranged(config)
    permutation = np.random.default_rng([config.seed, EPOCHS, epoch]).permutation(config.samples)
    start = place * config.batch_size
    return [numbers[at] for at in permutation[start : start + config.batch_size].tolist()]
