"""A run of the trainer on images that a request brought, whether a form's or a program's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.orm import Session

from app.domain.hyperfit_plan import HyperfitPlan, Text
from app.domain.hyperfitting import find_checkpoint
from app.domain.image_models import image_tokens
from app.texts.uploaded import Sent, name_of_uploads, uploaded_images


class ImageRun(Protocol):
    """What is asked for: a name, a base, and the trainer's choices."""

    @property
    def name(self) -> str:
        """What to call the checkpoint."""

    @property
    def base(self) -> str:
        """The image model's name."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The trainer's choices."""

    @property
    def total_updates(self) -> int:
        """Updates of the whole run."""


def plan_on_images(session: Session, asked: ImageRun, sent: Sequence[Sent], store: Path) -> HyperfitPlan:
    """The run, with the images as the base's visual tokens, each a whole sequence.

    Raises NotFoundError for an unknown base, ToprankError for one of texts, UnreadableFileError, which names the file.
    """
    tokens, palette = image_tokens(find_checkpoint(session, asked.base), store)
    return HyperfitPlan(
        name=asked.name,
        base=asked.base,
        texts_name=name_of_uploads(sent),
        texts=[Text(image.text) for image in uploaded_images(sent, palette)],
        config={**asked.config, "length": palette.pixels + 1},
        total_updates=asked.total_updates,
        image_tokens=tokens,
    )
