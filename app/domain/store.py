"""Where the store keeps bytes: uploads by a random id and numbers, checkpoints by the hash of all their files.

No path here is made of a name that a client chose; names of files are those of the list in `checkpoint_names`.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

STORED = "stored:"
GB = 10**9


@dataclass(frozen=True, order=True)
class StoredFile:
    """A file of a checkpoint, and what it holds."""

    name: str
    size: int
    sha256: str


def manifest_hash(files: Iterable[StoredFile]) -> str:
    """Names a checkpoint by everything in it, whatever the order of its files.

    >>> manifest_hash([StoredFile("a", 1, "00")]) == manifest_hash([StoredFile("a", 1, "01")])
    False
    """
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.sha256} {file.size} {file.name}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Store:
    """The directory that all processes share."""

    root: Path

    @property
    def uploads(self) -> Path:
        """A folder for each upload that is not finished."""
        return self.root / "uploads"

    @property
    def checkpoints(self) -> Path:
        """A folder for each checkpoint, complete from the moment it is there."""
        return self.root / "checkpoints"

    def upload(self, upload_id: UUID) -> Path:
        """The folder of an upload."""
        return self.uploads / str(upload_id)

    def part(self, upload_id: UUID, number: int) -> Path:
        """Where the bytes of an upload's file are, until it is finished."""
        return self.upload(upload_id) / str(number)

    def checkpoint(self, sha256: str) -> Path:
        """The folder of the checkpoint of this hash."""
        return self.checkpoints / sha256

    def prepare(self, upload_id: UUID, numbers: Iterable[int]) -> None:
        """Make an upload's folder with its files, empty; what is there already stays."""
        self.upload(upload_id).mkdir(parents=True, exist_ok=True)
        for number in numbers:
            self.part(upload_id, number).touch()

    def forget(self, upload_id: UUID) -> None:
        """Remove an upload's bytes, if there are any."""
        shutil.rmtree(self.upload(upload_id), ignore_errors=True)

    def free_bytes(self) -> int:
        """What the store's disk has left."""
        self.root.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.root).free


def move_to(folder: Path, target: Path) -> None:
    """Rename a complete folder; the same one may be there already, since it is named by what it holds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        _sync(folder)
        try:
            folder.rename(target)
        except OSError:
            if not target.is_dir():
                raise
        _sync(target.parent)


def _sync(folder: Path) -> None:
    """Make the names in a folder last; what the files hold was written for good when they were hashed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
