"""The bytes of an upload, from a request's body to the disk: one writer to a file, in threads of their own.

Blocks are written by a few threads that nothing else uses, so that uploads never take those that answer annotators, and
memory stays what a few blocks need, however large a file is.
"""

import errno
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from starlette.requests import ClientDisconnect

from app.checkpoints.announcing import NoRoomError
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import UploadFile

BLOCK = 2**20
WRITERS = 4
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Result = TypeVar("Result")
_writers: RunVar[CapacityLimiter] = RunVar("writers of uploads")


class BusyFileError(ToprankError):
    """Two send the same file at once."""

    status_code = HTTPStatus.LOCKED


class TooLargeError(ToprankError):
    """More comes than was announced."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class OffsetError(ConflictError):
    """The bytes belong elsewhere; `received` says from where on the file is missing."""

    def __init__(self, received: int) -> None:
        super().__init__(f"{received:,} bytes of this file are here; go on from there.")
        self.received = received


class ChecksumError(ToprankError):
    """What came is not what was sent; none of it is counted."""


@dataclass(frozen=True)
class Chunk:
    """What a request carries: bytes from `offset` on, and perhaps how many and their SHA-256."""

    offset: int
    length: int | None
    sha256: bytes | None


async def in_writers_thread(work: Callable[..., Result], *arguments: object) -> Result:
    """Run what reads or writes much of a disk, a few at a time."""
    limiter = _writers.get(None)
    if limiter is None:
        limiter = CapacityLimiter(WRITERS)
        _writers.set(limiter)
    return await to_thread.run_sync(work, *arguments, limiter=limiter)


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """The descriptor of a file or folder of an upload, which nobody else has meanwhile, in any process.

    Raises NotFoundError, or BusyFileError without waiting.
    """
    is_folder = path.is_dir()
    try:
        descriptor = os.open(path, (os.O_RDONLY if is_folder else os.O_RDWR) | os.O_NOFOLLOW)
    except OSError as error:
        raise NotFoundError("There is no such upload: it was finished, cancelled or abandoned for too long.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyFileError(
                "Another request is writing this just now, perhaps an earlier one of yours that was cut off. Wait a "
                "few seconds and ask where to go on."
            ) from error
        yield descriptor
    finally:
        os.close(descriptor)


def check_fits(chunk: Chunk, file: UploadFile) -> None:
    """Raises OffsetError or TooLargeError for what does not go on where the file ends so far."""
    if chunk.offset != file.received:
        raise OffsetError(file.received)
    _check_end(chunk.offset + (chunk.length or 0), file)


async def write(descriptor: int, chunk: Chunk, body: AsyncIterator[bytes], file: UploadFile) -> int:
    """Write what comes, and return where it ends; a body that is cut off counts as far as it came.

    One with a checksum counts only whole. Raises ChecksumError, TooLargeError or NoRoomError; then nothing counts.
    """
    digest = hashlib.sha256()
    end, waiting = chunk.offset, bytearray()
    try:
        async for piece in body:
            waiting += piece
            _check_end(end + len(waiting), file)
            if len(waiting) >= BLOCK:
                end = await in_writers_thread(_put, descriptor, end, waiting, digest.update)
                waiting = bytearray()
    except ClientDisconnect as cut:
        if chunk.sha256 is not None:
            raise ChecksumError("The line was cut before all of this part had come.") from cut
    end = await in_writers_thread(_put, descriptor, end, waiting, digest.update)
    if chunk.sha256 not in (None, digest.digest()):
        raise ChecksumError("This part changed on its way, so it was not counted. Send it again.")
    return end


def hash_file(descriptor: int, size: int) -> str:
    """SHA-256 of the first `size` bytes, which are on disk for good then; what lay behind them is cut off."""
    os.ftruncate(descriptor, size)
    os.fsync(descriptor)
    digest = hashlib.sha256()
    for start in range(0, size, BLOCK):
        digest.update(os.pread(descriptor, BLOCK, start))
    return digest.hexdigest()


def _check_end(end: int, file: UploadFile) -> None:
    if end > file.size:
        raise TooLargeError(f"{file.name} was announced with {file.size:,} bytes, and more came. Send what you said.")


def _put(descriptor: int, start: int, block: bytearray, note: Callable[[bytearray], object]) -> int:
    """Write a block, note it, and return where it ends."""
    left = memoryview(block)
    try:
        while left:
            written = os.pwrite(descriptor, left, start)
            start, left = start + written, left[written:]
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoRoomError("The store's disk is full. Ask an admin to make room, then go on.") from error
    note(block)
    return start
