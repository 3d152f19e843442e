"""What a run may be."""

import pytest

from hyperfitting.config import ConfigError, HyperfitConfig, Keep, Order, Precision


def test_the_defaults_are_the_papers():
    config = HyperfitConfig()

    assert (config.samples, config.length, config.epochs, config.batch_size) == (2000, 256, 20, 8)
    assert config.lr == 1e-6
    assert config.total_updates == 5000  # 20 epochs of 2000 / 8 = 250 updates


def test_an_epoch_ends_with_a_smaller_batch_where_the_samples_do_not_divide():
    config = HyperfitConfig(samples=10, epochs=3)

    assert config.epoch_updates == 2
    assert config.total_updates == 6


def test_a_number_of_updates_replaces_the_epochs():
    assert HyperfitConfig(samples=8, updates=5000).total_updates == 5000


def test_a_validation_follows_each_epoch_and_saves_unless_said_otherwise():
    assert HyperfitConfig().validation_interval == 250
    assert HyperfitConfig(validate_every=40).saving_interval == 40
    assert HyperfitConfig(validate_every=40, save_every=100).saving_interval == 100


def test_a_configuration_comes_back_from_json_as_it_was():
    config = HyperfitConfig(
        samples=9, order=Order.SHUFFLE_1, precision=Precision.BF16, keep=Keep.LOWEST_VALIDATION_LOSS, stop_at_loss=0.1
    )

    assert HyperfitConfig.from_json(config.as_json()) == config


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"samples": 0}, "--samples is 0"),
        ({"batch_size": 0}, "--batch-size is 0"),
        ({"updates": 0}, "--updates is 0"),
        ({"validate_every": -1}, "--validate-every is -1"),
        ({"length": 1}, "--length is 1"),
        ({"lr": 0.0}, "--lr is 0.0"),
        ({"lr": float("nan")}, "--lr is nan"),
        ({"lr": float("inf")}, "--lr is inf"),
        ({"stop_at_loss": 0.0}, "--stop-at-loss is 0.0"),
        ({"accumulation": 3}, "A batch of 8 does not split into 3 equal parts"),
        ({"contexts": 129}, "they are 128 and 129"),
        ({"validation_samples": 0, "contexts": 0}, "they are 0 and 0"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_by_its_name(choices, reason):
    with pytest.raises(ConfigError, match=reason):
        HyperfitConfig(**choices)


def test_json_with_an_unknown_choice_is_refused():
    with pytest.raises(ConfigError, match="no choice called warmup"):
        HyperfitConfig.from_json({"warmup": 10})


def test_json_with_an_unknown_order_is_refused():
    with pytest.raises(ConfigError, match="--order is 'random'; choose from: given, shuffle-1"):
        HyperfitConfig.from_json({"order": "random"})
