"""Where a checkpoint's files are: in the store, in a folder of one's own, or what a hub's cache has of a hub id."""

import os
from pathlib import Path

from app.domain.store import STORED, Store
from app.errors import ToprankError
from app.settings import Settings
from generation.transfer.fetching import cached, fetch, web_app

FILES = ["*.safetensors", "*.json", "tokenizer.model", "chat_template.jinja"]


class CheckpointNotFoundError(ToprankError):
    """A checkpoint's source is no folder here, and no hub that can be reached knows it."""


def checkpoint_folder(source: str) -> Path:
    """The local folder of a checkpoint; a hub id is downloaded once. Raises CheckpointNotFoundError."""
    if source.startswith(STORED):
        return _stored(source.removeprefix(STORED))
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or source.count("/") > 1:
        raise CheckpointNotFoundError(f"There is no folder {source} on the machine of this worker.")
    return _downloaded(source)


def folder_here(source: str) -> Path:
    """Where a checkpoint's files would be on this machine, were they here; nothing is fetched."""
    if not source.startswith(STORED):
        return Path(source).expanduser()
    settings, sha256 = Settings(), source.removeprefix(STORED)
    stored = Store(settings.store_dir).checkpoint(sha256)
    return stored if stored.is_dir() else cached(sha256, settings.cache_dir)


def _stored(sha256: str) -> Path:
    settings = Settings()
    folder = Store(settings.store_dir).checkpoint(sha256)
    if folder.is_dir():
        return folder
    if source := web_app(settings):
        return fetch(sha256, source, settings.cache_dir)
    raise CheckpointNotFoundError(
        f"The store {folder.parent} has no checkpoint {sha256[:12]}. Set TOPRANK_STORE to the directory that the web "
        "app keeps uploads in, or TOPRANK_SERVER and TOPRANK_WORKER_TOKEN to fetch it."
    )


def _downloaded(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, allow_patterns=FILES, local_files_only=_is_offline()))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if _is_offline():
            reason = "HF_HUB_OFFLINE is set, and the hub's cache on this machine does not have it"
        raise CheckpointNotFoundError(
            f"{hub_id} is neither a folder here nor to be had from the model hub ({reason}). Give the checkpoint as a "
            "folder that every worker can read."
        ) from error


def _is_offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
