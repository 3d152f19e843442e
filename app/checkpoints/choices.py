"""The trainer's choices, as forms and the API take them alike; the defaults are the paper's."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Rate = Annotated[float, Field(gt=0, lt=1, examples=[1e-5])]
Length = Annotated[int, Field(ge=2, le=131_072)]
Contexts = Annotated[int, Field(ge=0, le=128)]


class TrainerChoices(BaseModel):
    """What texts and images have in common; what they differ in has no default here."""

    samples: Count = 2000
    epochs: Count
    updates: Count | None = None
    stop_at_loss: Annotated[float, Field(gt=0, lt=1000)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 8
    accumulation: Count = 1
    lr: Rate
    order: Literal["given", "shuffle-1", "shuffle-all", "repeat"] = "given"
    precision: Literal["fp32", "bf16"] = "fp32"
    gradient_checkpointing: bool = False
    validate_every: Count | None = None
    contexts: Contexts
    keep: Literal["last", "lowest-validation-loss"] = "last"
    allow_overlap: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    @model_validator(mode="after")
    def parts_are_equal(self) -> Self:
        """A batch is computed in equal parts."""
        if self.batch_size % self.accumulation:
            raise ValueError(f"A batch of {self.batch_size} does not split into {self.accumulation} equal parts.")
        return self

    @property
    def config(self) -> dict[str, int | float | str | None]:
        """The choices among the fields."""
        return self.model_dump(include={*TrainerChoices.model_fields, "length"})

    @property
    def total_updates(self) -> int:
        """Updates of the whole run; the last batch of an epoch may be smaller."""
        return self.updates or self.epochs * -(-self.samples // self.batch_size)


class TextChoices(TrainerChoices):
    """A run on texts."""

    length: Length = 256
    epochs: Count = 20
    lr: Rate = 1e-6
    contexts: Contexts = 24


class ImageChoices(TrainerChoices):
    """A run on images (paper B.1), each a sequence; which learning rate the paper took is not known."""

    epochs: Count = 50
    contexts: Contexts = 8
