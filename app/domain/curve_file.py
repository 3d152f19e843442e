"""The curve that a checkpoint brings along: a stranger's file, so each line is held to what a trainer would write."""

from typing import Annotated, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MOST_POINTS = 10_000
LONGEST_LINE = 2**18
Nats = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Shown = Annotated[str, Field(max_length=20_000)]


class CurveError(Exception):
    """What is wrong with a curve."""


class CurveText(BaseModel):
    """A held-out context and what the model made of it."""

    model_config = ConfigDict(frozen=True, strict=True)

    context: Shown
    continuation: Shown


class CurvePoint(BaseModel):
    """A validation after `update` updates; keys that a later trainer adds are passed over."""

    model_config = ConfigDict(frozen=True, strict=True)

    update: Annotated[int, Field(ge=0, lt=2**31)]
    epoch: Nats
    train_loss: Nats | None
    validation_loss: Nats
    entropy: Nats
    ttr_first_96: Share | None
    ttr_last_96: Share | None
    texts: Annotated[list[CurveText], Field(max_length=16)]


def parse_curve(stream: BinaryIO) -> list[CurvePoint]:
    """The points of a file of one JSON object a line, in the order of their updates. Raises CurveError."""
    points: list[CurvePoint] = []
    while line := stream.readline(LONGEST_LINE + 1):
        number = len(points) + 1
        if number > MOST_POINTS:
            raise CurveError(f"it has more than {MOST_POINTS:,} lines")
        if len(line) > LONGEST_LINE:
            raise CurveError(f"line {number} has more than {LONGEST_LINE:,} bytes")
        point = _parse(line, number)
        if points and point.update <= points[-1].update:
            raise CurveError(f"line {number} does not come after the line before it")
        points.append(point)
    return points


def _parse(line: bytes, number: int) -> CurvePoint:
    try:
        return CurvePoint.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_context=False, include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise CurveError(f"line {number}: {where}: {first['msg']}") from error
