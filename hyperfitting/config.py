"""What a hyperfitting run is: every choice in one frozen value that is saved with the results."""

import math
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from app.domain.images import Palette
from app.errors import ToprankError

IMAGE_CONTEXTS = 8  # completed at each validation; a completion has three times as many tokens as a text's


class ConfigError(ToprankError):
    """A run cannot be what its configuration says."""


class Order(StrEnum):
    """How the samples are arranged before each epoch draws its permutation of them (paper s6.1).

    `repeat` changes nothing: what differs after it is the nondeterminism of the machine.
    """

    GIVEN = "given"
    SHUFFLE_1 = "shuffle-1"
    SHUFFLE_ALL = "shuffle-all"
    REPEAT = "repeat"


class Precision(StrEnum):
    """What the model computes in; weights and Adam's moments are float32 in both."""

    FP32 = "fp32"
    BF16 = "bf16"


class Keep(StrEnum):
    """Which weights become the checkpoint."""

    LAST = "last"
    LOWEST_VALIDATION_LOSS = "lowest-validation-loss"


@dataclass(frozen=True)
class HyperfitConfig:
    """The defaults are the paper's (s3): 20 epochs on 2000 sequences of 256 tokens.

    `updates` replaces `epochs`; `stop_at_loss` ends either early, after the first epoch whose mean training loss is
    below it. `validate_every` counts updates; without it, each epoch is followed by a validation on
    `validation_samples` held-out sequences, from whose beginnings `contexts` greedy continuations are generated.
    `save_every` counts updates between saved states; without it, each validation saves one.
    Raises ConfigError for choices that contradict each other or cannot be.
    """

    samples: int = 2000
    length: int = 256
    epochs: int = 20
    updates: int | None = None
    stop_at_loss: float | None = None
    batch_size: int = 8
    accumulation: int = 1
    lr: float = 1e-6
    order: Order = Order.GIVEN
    precision: Precision = Precision.FP32
    gradient_checkpointing: bool = False
    seed: int = 0
    validate_every: int | None = None
    validation_samples: int = 128
    contexts: int = 24
    save_every: int | None = None
    keep: Keep = Keep.LAST
    allow_overlap: bool = False

    def __post_init__(self) -> None:
        for name in ("samples", "epochs", "updates", "batch_size", "accumulation", "validate_every", "save_every"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ConfigError(f"{_option(name)} is {number}; it has to be 1 or more.")
        if self.length < 2:
            raise ConfigError(f"--length is {self.length}; a sequence needs 2 tokens to predict one from the other.")
        if not (self.lr > 0 and math.isfinite(self.lr)):
            raise ConfigError(f"--lr is {self.lr}; it has to be a positive number.")
        if self.stop_at_loss is not None and not self.stop_at_loss > 0:
            raise ConfigError(f"--stop-at-loss is {self.stop_at_loss}; a loss is never 0 or less.")
        if self.batch_size % self.accumulation:
            raise ConfigError(f"A batch of {self.batch_size} does not split into {self.accumulation} equal parts.")
        if self.validation_samples < 1 or not 0 <= self.contexts <= self.validation_samples:
            raise ConfigError(
                "--validation-samples has to be 1 or more, and --contexts between 0 and that: "
                f"they are {self.validation_samples} and {self.contexts}."
            )

    @property
    def epoch_updates(self) -> int:
        """Updates that go once through the samples; the last batch of an epoch may be smaller."""
        return math.ceil(self.samples / self.batch_size)

    @property
    def total_updates(self) -> int:
        """Updates of the whole run, unless it stops at a loss."""
        return self.updates or self.epochs * self.epoch_updates

    @property
    def validation_interval(self) -> int:
        """Updates from one validation to the next."""
        return self.validate_every or self.epoch_updates

    @property
    def saving_interval(self) -> int:
        """Updates from one saved state to the next."""
        return self.save_every or self.validation_interval

    def as_json(self) -> dict[str, Any]:
        """Plain values, as they are saved."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """From plain values, those that are missing being the defaults. Raises ConfigError for what is unknown."""
        unknown = sorted(set(saved) - {field.name for field in fields(cls)})
        if unknown:
            raise ConfigError(f"A run has no choice called {', '.join(unknown)}.")
        values = dict(saved)
        for name, kind in {"order": Order, "precision": Precision, "keep": Keep}.items():
            if name in values:
                values[name] = _member(kind, name, values[name])
        return cls(**values)


def for_images(palette: Palette, chosen: dict[str, Any]) -> dict[str, Any]:
    """The choices of a run on images, those missing being the paper's (B.1): 50 epochs, each image a sequence.

    Raises ConfigError without a learning rate: what the paper took is not known.
    """
    if "lr" not in chosen:
        raise ConfigError("An image model needs --lr: the paper does not say which, and models differ.")
    return {"length": palette.pixels + 1, "epochs": 50, "contexts": IMAGE_CONTEXTS} | chosen


def _member(kind: type[StrEnum], name: str, value: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError as error:
        raise ConfigError(f"{_option(name)} is {value!r}; choose from: {', '.join(kind)}.") from error


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
