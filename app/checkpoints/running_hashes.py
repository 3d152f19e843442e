"""SHA-256 of files while their bytes come, so that a whole file is compared without being read back.

A running sum is as good as reading back while every byte passed through it on its way to a disk that said it has it,
and nobody else touched the file since. A process that was started anew, or did not get every part, knows no sum.
"""

import hashlib
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

MOST = 1000


@dataclass(frozen=True)
class _Running:
    digest: "_Hash"
    end: int
    seen: tuple[int, ...]


class RunningHashes:
    """Sums of the files that this process receives, the latest of them; one that is forgotten is read back instead."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, _Running] = OrderedDict()

    def before(self, path: Path, descriptor: int, end: int) -> "_Hash | None":
        """A sum of the file's first `end` bytes to go on with; None where they are not known."""
        if end == 0:
            return hashlib.sha256()
        kept = self._kept.get(path)
        if kept is None or kept.end != end or kept.seen != _look(descriptor):
            return None
        return kept.digest.copy()

    def keep(self, path: Path, descriptor: int, digest: "_Hash | None", end: int) -> None:
        """Note the sum of the first `end` bytes, which are on the disk; None forgets what was known."""
        self._kept.pop(path, None)
        if digest is not None:
            self._kept[path] = _Running(digest, end, _look(descriptor))
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)


def _look(descriptor: int) -> tuple[int, ...]:
    """What changes whenever anybody writes the file, or puts another in its place."""
    known = os.fstat(descriptor)
    return known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns


# Of this process; its event loop alone comes here.
RUNNING = RunningHashes()
