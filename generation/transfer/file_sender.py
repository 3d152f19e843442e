"""One file on its way to a server, in parts; the server says at every step where to go on."""

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from generation.transfer.server import Answer, Server, ServerError

PART = 32 * 2**20
BLOCK = 2**20
MOST_TRIES = 5
BUSY_S = 1.0
# Reading a large file back takes the server a while.
LONG_S = 3600.0
CONFLICT, CHANGED, BUSY, MISMATCH = 409, 422, 423, 460
Report = Callable[[str, int], None]
Part: TypeAlias = bytes | memoryview


@dataclass(frozen=True)
class LocalFile:
    """A file to send, by the name it will have."""

    name: str
    path: Path
    size: int
    modified: int


class RunningHash:
    """SHA-256 of a file whose parts are read in order anyway; what was sent earlier is read once more."""

    def __init__(self) -> None:
        self.digest, self.end = hashlib.sha256(), 0

    def followed_by(self, part: Part) -> "RunningHash":
        """The same with the next part."""
        following = RunningHash()
        following.digest, following.end = self.digest.copy(), self.end + len(part)
        following.digest.update(part)
        return following

    def read(self, stream: BinaryIO, end: int | None = None) -> str:
        """Go on to `end`, or to that of the file, and tell the hash so far."""
        stream.seek(self.end)
        while part := stream.read(BLOCK if end is None else min(BLOCK, end - self.end)):
            self.digest.update(part)
            self.end += len(part)
        return self.digest.hexdigest()


class FileSender:
    """Sends a file of an upload from where `state`, the server's word on it, says that it ends so far."""

    def __init__(self, server: Server, upload: str, file: LocalFile, state: dict[str, Any], report: Report) -> None:
        self.server, self.file, self.report = server, file, report
        self.path = f"/uploads/{upload}/files/{state['number']}"
        self.received, self.is_done = int(state["received"]), state["sha256"] is not None
        # Each byte is hashed once then; of a file that is gone on with, the server may have no sum.
        self.sums_so_far = self.received == 0

    def send(self) -> None:
        """Until the server has all of it, and says it is the same. Raises ServerError."""
        self.report(self.file.name, self.received)
        for _ in range(MOST_TRIES):
            if self.is_done:
                return
            with self.file.path.open("rb") as stream:
                digest = self._send_parts(stream).read(stream)
            self._compare(digest)
        raise ServerError(f"{self.file.name} arrives other than it is here. Does it change meanwhile? Try again.")

    def _send_parts(self, stream: BinaryIO) -> RunningHash:
        """Everything from where the server has the file already; returns the hash as far as it was needed."""
        digest, buffer = RunningHash(), memoryview(bytearray(min(PART, self.file.size)))
        tries = 0
        while self.received < self.file.size:
            if digest.end > self.received:
                digest = RunningHash()  # the server lost some of it
            if self.sums_so_far:
                digest.read(stream, self.received)
            stream.seek(self.received)
            part = buffer[: stream.readinto(buffer)]  # type: ignore[attr-defined]
            following = digest.followed_by(part) if digest.end == self.received else digest
            answer = self._patch(part, following)
            if answer.status == MISMATCH and tries < MOST_TRIES:
                self.sums_so_far = False  # perhaps the server has no sum of what it got earlier
                tries += 1
            elif answer.status == BUSY:
                self._wait()
            elif "upload-offset" in answer.headers and answer.status in (204, CONFLICT):
                self._go_on_from(int(answer.headers["upload-offset"]))
            else:
                raise ServerError(answer.problem)
            digest = following if following.end == self.received else digest
        return digest

    def _patch(self, part: Part, digest: RunningHash) -> Answer:
        if not part:
            raise ServerError(f"{self.file.name} became shorter while it was sent. Send the folder again.")
        algorithm, found = ("sha256-so-far", digest.digest) if self.sums_so_far else ("sha256", hashlib.sha256(part))
        checksum = base64.b64encode(found.digest()).decode()
        headers = {
            "Tus-Resumable": "1.0.0",
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(self.received),
            "Upload-Checksum": f"{algorithm} {checksum}",
        }
        return self.server.ask("PATCH", self.path, body=part, headers=headers)

    def _compare(self, digest: str) -> None:
        answer = self.server.say("POST", f"{self.path}/check", {"sha256": digest}, timeout_s=LONG_S)
        self.is_done = answer.status < 400
        if not self.is_done and answer.status not in (CONFLICT, CHANGED, BUSY):
            raise ServerError(answer.problem)
        if not self.is_done:
            self._wait()

    def _wait(self) -> None:
        """Another request, perhaps an earlier one of ours that was cut off, is still at it."""
        time.sleep(BUSY_S)
        answer = self.server.ask("HEAD", self.path)
        if answer.status != 200:
            raise ServerError("The upload was cancelled while it was sent. Send it again.")
        self._go_on_from(int(answer.headers["upload-offset"]))

    def _go_on_from(self, received: int) -> None:
        self.received = received
        self.report(self.file.name, received)
