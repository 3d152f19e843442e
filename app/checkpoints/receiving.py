"""The bytes of an upload, from a request's body to the disk: one writer to a file, in threads of their own.

Blocks are written by a few threads that nothing else uses, so that uploads never take those that answer annotators, and
memory stays what a few blocks need, however large a file is.
"""

import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from starlette.requests import ClientDisconnect

from app.checkpoints.announcing import NoRoomError
from app.errors import ConflictError, NotFoundError, ToprankError
from app.full_disk import is_full_disk
from app.models import UploadFile

if TYPE_CHECKING:
    from hashlib import _Hash

BLOCK = 2**20
WRITERS = 4

# As many as a system writes at once.
MOST_PIECES = 512

Result = TypeVar("Result")
Sum: TypeAlias = "_Hash | None"
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
    """What a request carries: bytes from `offset` on, and perhaps how many and a SHA-256.

    That is of these bytes, or, where it `is_so_far`, of the whole file up to their end.
    """

    offset: int
    length: int | None
    sha256: bytes | None
    is_so_far: bool = False


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


async def write(descriptor: int, chunk: Chunk, body: AsyncIterator[bytes], file: UploadFile, so_far: Sum) -> int:
    """Write what comes, and return where it ends; a body that is cut off counts as far as it came.

    All that counts is on the disk then, and in the sum `so_far` of the whole file, if that is known. A part with a
    checksum counts only whole. Raises ChecksumError, TooLargeError or NoRoomError; then nothing counts.
    """
    part = hashlib.sha256() if chunk.sha256 is not None and not chunk.is_so_far else None
    sums = [one for one in (part, so_far) if one is not None]
    end, pieces, waiting = chunk.offset, list[bytes](), 0
    try:
        async for piece in body:
            pieces.append(piece)
            waiting += len(piece)
            _check_end(end + waiting, file)
            if waiting >= BLOCK:
                end = await in_writers_thread(_put, descriptor, end, pieces, sums)
                pieces, waiting = [], 0
    except ClientDisconnect as cut:
        if chunk.sha256 is not None:
            raise ChecksumError("The line was cut before all of this part had come.") from cut
    end = await in_writers_thread(_put, descriptor, end, pieces, sums)
    _compare(chunk, so_far if chunk.is_so_far else part)
    await in_writers_thread(_settle, descriptor)
    return end


def _compare(chunk: Chunk, found: Sum) -> None:
    if chunk.sha256 is None:
        return
    if found is None:
        raise ChecksumError(
            "The bytes before this part came to another process, so they are not in a sum here. Send it again with the "
            "SHA-256 of this part alone."
        )
    if found.digest() != chunk.sha256:
        raise ChecksumError("This part changed on its way, so it was not counted. Send it again.")


def cut_off(descriptor: int, size: int) -> None:
    """Let a file end after its first `size` bytes, which are on the disk for good then."""
    os.ftruncate(descriptor, size)
    os.fsync(descriptor)


def hash_file(descriptor: int, size: int) -> str:
    """SHA-256 of the first `size` bytes, as they are on the disk."""
    digest = hashlib.sha256()
    for start in range(0, size, BLOCK):
        digest.update(os.pread(descriptor, BLOCK, start))
    return digest.hexdigest()


def _check_end(end: int, file: UploadFile) -> None:
    if end > file.size:
        raise TooLargeError(f"{file.name} was announced with {file.size:,} bytes, and more came. Send what you said.")


def _put(descriptor: int, start: int, pieces: list[bytes], sums: list["_Hash"]) -> int:
    """Write pieces as they came, without copying them together, sum them up, and return where they end."""
    if len(pieces) > MOST_PIECES:
        pieces = [b"".join(pieces)]
    end = start + sum(map(len, pieces))
    with _room():
        written = os.pwritev(descriptor, pieces, start)
        while start + written < end:  # the disk took a part of it
            written += os.pwrite(descriptor, b"".join(pieces)[written:], start + written)
    for piece in pieces:
        for one in sums:
            one.update(piece)
    return end


def _settle(descriptor: int) -> None:
    with _room():
        os.fdatasync(descriptor)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not is_full_disk(error):
            raise
        raise NoRoomError("The store's disk is full. Ask an admin to make room, then go on.") from error
