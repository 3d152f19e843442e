"""The headers of tus 1.0, a protocol for uploads that go on where they were cut."""

import base64
import binascii
from http import HTTPStatus

from starlette.datastructures import Headers

from app.checkpoints.receiving import Chunk
from app.errors import ToprankError

VERSION = "1.0.0"
PART = "application/offset+octet-stream"
ALGORITHM = "sha256"
# One of our own: the file from its first byte to the end of this part, so that both ends hash each byte once.
SO_FAR = "sha256-so-far"
CHECKSUM_MISMATCH = 460  # a status of the protocol's own


class VersionError(ToprankError):
    """The client speaks another version."""

    status_code = HTTPStatus.PRECONDITION_FAILED


class PartTypeError(ToprankError):
    """The body is no part of a file."""

    status_code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


def read_chunk(headers: Headers) -> Chunk:
    """What a PATCH carries. Raises VersionError, PartTypeError, or ToprankError for headers that say nothing."""
    if headers.get("tus-resumable", VERSION) != VERSION:
        raise VersionError(f"This server speaks tus {VERSION}.")
    if headers.get("content-type") != PART:
        raise PartTypeError(f"Send a part of a file as {PART}.")
    offset, length = headers.get("upload-offset", ""), headers.get("content-length", "0")
    if not _is_number(offset):
        raise ToprankError("Upload-Offset has to say, as a whole number, where in the file this part belongs.")
    algorithm, _, encoded = headers.get("upload-checksum", "").partition(" ")
    checksum = _read_checksum(algorithm, encoded) if algorithm else None
    return Chunk(int(offset), int(length) if _is_number(length) else 0, checksum, is_so_far=algorithm == SO_FAR)


def _read_checksum(algorithm: str, encoded: str) -> bytes:
    try:
        digest = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        digest = b""
    if algorithm not in (ALGORITHM, SO_FAR) or len(digest) != 32:
        raise ToprankError(f"Upload-Checksum has to be '{ALGORITHM}' or '{SO_FAR}' and the hash in base64.")
    return digest


def progress(*, received: int, size: int) -> dict[str, str]:
    """Headers that say how much of a file is there."""
    return {
        "Tus-Resumable": VERSION,
        "Upload-Offset": str(received),
        "Upload-Length": str(size),
        "Cache-Control": "no-store",
    }


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
