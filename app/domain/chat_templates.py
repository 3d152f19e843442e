"""Whether a checkpoint has a chat template, and where its folder keeps it; only a worker renders it."""

import json
from pathlib import Path
from typing import Any

from app.errors import ToprankError

LARGEST = 2**20  # bytes
_FILE = "chat_template.jinja"
_CONFIG = "tokenizer_config.json"


class ChatTemplateError(ToprankError):
    """A checkpoint has no chat template, or one that cannot be used."""


def find_chat_template(checkpoint: Path) -> str:
    """The checkpoint's chat template, the one named `default` where it has several. Raises ChatTemplateError."""
    file = checkpoint / _FILE
    template = _read(file) if file.is_file() else tokenizer_settings(checkpoint).get("chat_template")
    if isinstance(template, list):
        named = {one.get("name"): one.get("template") for one in template if isinstance(one, dict)}
        template = named.get("default")
    if not isinstance(template, str) or not template.strip():
        raise ChatTemplateError(
            f"The tokenizer of the checkpoint {checkpoint.name} has no chat template: add the system without "
            f"--chat-template, or put the template into the folder as {_FILE}."
        )
    return template


def tokenizer_settings(checkpoint: Path) -> dict[str, Any]:
    """What the checkpoint's tokenizer_config.json says; nothing where there is none. Raises ChatTemplateError."""
    file = checkpoint / _CONFIG
    if not file.is_file():
        return {}
    try:
        found = json.loads(_read(file))
    except ValueError as error:
        raise ChatTemplateError(f"{_CONFIG} of the checkpoint {checkpoint.name} is no JSON: {error}.") from error
    return found if isinstance(found, dict) else {}


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST:
            raise ChatTemplateError(f"{file.name} of the checkpoint {file.parent.name} is larger than 1 MiB.")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ChatTemplateError(f"{file.name} of the checkpoint {file.parent.name} cannot be read: {error}.") from error
