"""From an upload's numbered files to a checkpoint in the store, which is there complete or not at all.

Everything happens in the upload's own folder, up to one rename. A process that is killed before it leaves an upload
that can be finished again; one that is killed after it leaves a checkpoint that finishing again finds.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from app.domain.checkpoint_names import CURVE, LINEAGE
from app.domain.checkpoint_vetting import CheckpointRefusedError, read_curve, read_json, vet_folder
from app.domain.curve_file import CurvePoint
from app.domain.images import ImageError, palette_of
from app.domain.store import Store, StoredFile, manifest_hash, move_to
from app.models import UploadFile

ASSEMBLED = "checkpoint"


@dataclass(frozen=True)
class Published:
    """A checkpoint in the store: its hash, its files and parameters, and what it says itself of how it was made.

    `image_tokens` is the tokenizer.json of an image model.
    """

    sha256: str
    files: tuple[StoredFile, ...]
    parameters: int
    lineage: dict[str, Any] | None
    curve: tuple[CurvePoint, ...]
    image_tokens: bytes | None = None


def publish(store: Store, upload_id: UUID, files: Sequence[UploadFile]) -> Published:
    """Give complete files their names, look at all of them, and put them into the store by one rename.

    Raises CheckpointRefusedError; then nothing was put there.
    """
    folder = store.upload(upload_id) / ASSEMBLED
    _assemble(folder, {file.name: store.part(upload_id, file.number) for file in files})
    parameters = vet_folder(folder)
    lineage = read_json(folder / LINEAGE) if (folder / LINEAGE).is_file() else None
    curve = tuple(read_curve(folder / CURVE)) if (folder / CURVE).is_file() else ()
    tokens = _image_tokens(folder)
    stored = tuple(StoredFile(file.name, file.size, str(file.sha256)) for file in files)
    sha256 = manifest_hash(stored)
    move_to(folder, store.checkpoint(sha256))
    return Published(sha256, stored, parameters, lineage, curve, tokens)


def _image_tokens(folder: Path) -> bytes | None:
    """The tokenizer.json of an image model. Raises CheckpointRefusedError where it names a palette that is none."""
    file = folder / "tokenizer.json"
    try:
        return file.read_bytes() if file.is_file() and palette_of(file.read_bytes()) else None
    except ImageError as error:
        raise CheckpointRefusedError([str(error)]) from error


def _assemble(folder: Path, parts: dict[str, Path]) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # what a process left that was killed here
    for name, part in parts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(part, file)
        except OSError:  # a file system without hard links
            shutil.copyfile(part, file)
        file.chmod(0o444)
