"""Checkpoints that are image models, as far as the web app sees it: from their files on this machine."""

import json
from collections.abc import Iterable
from pathlib import Path

from app.domain.images import Palette, palette_of
from app.domain.store import STORED, Store
from app.errors import ToprankError
from app.models import Checkpoint

MODEL_TYPE = "imagegpt"


def image_models(checkpoints: Iterable[Checkpoint], store: Path) -> list[Checkpoint]:
    """Those of these checkpoints whose config.json, where it is on this machine, says that they are an ImageGPT."""
    return [one for one in checkpoints if _model_type(_folder(one, store)) == MODEL_TYPE]


def image_tokens(checkpoint: Checkpoint, store: Path) -> tuple[bytes, Palette]:
    """The tokenizer.json of an image model, and the palette that it names.

    Raises ToprankError where it is not on this machine, or is one of texts.
    """
    try:
        tokenizer_json = (_folder(checkpoint, store) / "tokenizer.json").read_bytes()
    except OSError as error:
        raise ToprankError(
            f"The tokenizer of {checkpoint.name} is not on this machine; run `toprank hyperfit` where it is."
        ) from error
    palette = palette_of(tokenizer_json)
    if palette is None:
        raise ToprankError(
            f"{checkpoint.name} is no image model whose tokenizer.json names its palette; `toprank images adopt` makes "
            "one of an ImageGPT."
        )
    return tokenizer_json, palette


def _folder(checkpoint: Checkpoint, store: Path) -> Path:
    source = checkpoint.source
    if source.startswith(STORED):
        return Store(store).checkpoint(source.removeprefix(STORED))
    return Path(source).expanduser()


def _model_type(folder: Path) -> str | None:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found.get("model_type") if isinstance(found, dict) else None
