"""What a run looked like while it went on: one point for each validation, as lines of JSON on disk."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

CURVE = "curve.jsonl"


@dataclass(frozen=True)
class Text:
    """A held-out context and what the model made of it."""

    context: str
    continuation: str


@dataclass(frozen=True)
class CurvePoint:
    """A validation after `update` updates; losses and entropy in nats, ratios None where nothing was generated.

    `train_loss` is the mean over the latest epoch, None before the first update; `tokens_per_second` is of
    training alone, since the start or the last resumption.
    """

    update: int
    epoch: float
    train_loss: float | None
    validation_loss: float
    entropy: float
    ttr_first_96: float | None
    ttr_last_96: float | None
    tokens_per_second: float | None
    texts: tuple[Text, ...] = ()


def append_point(file: Path, point: CurvePoint) -> None:
    """Add a line; it is on its way to the disk when this returns."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(point), ensure_ascii=False) + "\n")


def read_curve(file: Path) -> list[CurvePoint]:
    """The points so far; a line that was cut off by a crash is none."""
    points = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        try:
            saved = json.loads(line)
        except json.JSONDecodeError:
            break
        points.append(CurvePoint(**{**saved, "texts": tuple(Text(**text) for text in saved["texts"])}))
    return points


def keep_until(file: Path, update: int) -> None:
    """Drop what came after the update that a run goes on from."""
    kept = [point for point in read_curve(file) if point.update <= update]
    file.unlink(missing_ok=True)
    for point in kept:
        append_point(file, point)


def in_words(point: CurvePoint) -> str:
    """A validation in one line of a log."""
    parts = [f"update {point.update}"]
    if point.train_loss is not None:
        parts.append(f"train loss {point.train_loss:.3f}")
    parts += [f"validation loss {point.validation_loss:.3f}", f"entropy {point.entropy:.3f}"]
    if point.ttr_first_96 is not None and point.ttr_last_96 is not None:
        parts.append(f"TTR {point.ttr_first_96:.3f} (first 96), {point.ttr_last_96:.3f} (last 96)")
    return ", ".join(parts)
