"""A file on its way to a server that is busy, has lost some of it, or got something else."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generation.transfer import file_sender
from generation.transfer.file_sender import FileSender, LocalFile
from generation.transfer.server import Answer, ServerError

CONTENT = bytes(range(250)) * 4
PART = 300
Mood = Callable[["Receiver"], Answer | None]


def problem(status: int, detail: str) -> Answer:
    return Answer(status, {}, json.dumps({"detail": detail}).encode())


class Receiver:
    """A server in memory, with one file: `moods` are asked first, one for each part or check that comes."""

    def __init__(self, *moods: Mood, received: int = 0) -> None:
        self.content, self.moods, self.starts = bytearray(CONTENT[:received]), list(moods), list[int]()

    def ask(self, method: str, _path: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        if method == "HEAD":
            return self._standing(200)
        start = int((headers or {})["Upload-Offset"])
        self.starts.append(start)
        found = self._mood()
        if found is not None:
            return found
        if start != len(self.content):
            return self._standing(409)
        algorithm, _, sum_ = (headers or {})["Upload-Checksum"].partition(" ")
        known = bytes(body) if algorithm == "sha256" else bytes(self.content) + bytes(body)
        if base64.b64encode(hashlib.sha256(known).digest()).decode() != sum_:
            return problem(460, "The part arrived otherwise.")
        self.content += body
        return self._standing(204)

    def say(self, _method: str, _path: str, said: dict[str, str], *, timeout_s: float) -> Answer:
        found = self._mood()
        if found is not None:
            return found
        return Answer(200 if hashlib.sha256(self.content).hexdigest() == said["sha256"] else 409, {}, b"{}")

    def _mood(self) -> Answer | None:
        return self.moods.pop(0)(self) if self.moods else None

    def _standing(self, status: int) -> Answer:
        return Answer(status, {"upload-offset": str(len(self.content))}, b"")


def fine(_receiver: Receiver) -> None:
    """Takes what comes."""


def busy(_receiver: Receiver) -> Answer:
    return problem(423, "Another request is at it.")


def otherwise(_receiver: Receiver) -> Answer:
    return problem(460, "The part arrived otherwise.")


@pytest.fixture
def send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Sends the file in parts of 300 bytes and returns how far each report said that it was."""
    monkeypatch.setattr(file_sender, "PART", PART)
    monkeypatch.setattr(file_sender, "BUSY_S", 0)

    def sending(receiver: Any, *, content: bytes = CONTENT) -> list[int]:
        path = tmp_path / "model.safetensors"
        path.write_bytes(content)
        said: list[int] = []
        state = {"number": 1, "received": len(receiver.content), "sha256": None}
        file = LocalFile("model.safetensors", path, len(CONTENT), 0)
        FileSender(receiver, "upload", file, state, lambda _name, received: said.append(received)).send()
        return said

    return sending


def test_a_file_goes_in_parts_and_each_is_told(send: Callable[..., list[int]]) -> None:
    receiver = Receiver()

    assert send(receiver) == [0, 300, 600, 900, 1000]
    assert receiver.content == CONTENT


def test_a_server_that_is_busy_is_asked_how_far_it_is(send: Callable[..., list[int]]) -> None:
    receiver = Receiver(fine, busy, fine, fine, fine, busy)

    assert send(receiver) == [0, 300, 300, 600, 900, 1000, 1000]
    assert receiver.content == CONTENT


def test_an_upload_that_is_gone_meanwhile_was_cancelled(send: Callable[..., list[int]]) -> None:
    receiver = Receiver(busy)
    receiver._standing = lambda _status: problem(404, "There is no such upload.")  # type: ignore[method-assign]

    with pytest.raises(ServerError, match="The upload was cancelled while it was sent"):
        send(receiver)


def test_what_a_server_lost_is_sent_once_more(send: Callable[..., list[int]]) -> None:
    def lose(receiver: Receiver) -> None:
        del receiver.content[100:]

    receiver = Receiver(fine, fine, lose)

    assert send(receiver) == [0, 300, 600, 100, 400, 700, 1000]
    assert receiver.content == CONTENT


def test_a_part_that_arrives_otherwise_is_sent_again(send: Callable[..., list[int]]) -> None:
    receiver = Receiver(fine, otherwise)

    send(receiver)

    assert receiver.starts == [0, 300, 300, 600, 900]
    assert receiver.content == CONTENT


def test_a_file_that_the_server_has_in_part_is_gone_on_with(send: Callable[..., list[int]]) -> None:
    receiver = Receiver(received=450)

    assert send(receiver) == [450, 750, 1000]
    assert receiver.content == CONTENT


def test_a_line_that_changes_every_part_is_given_up_with_the_servers_words(send: Callable[..., list[int]]) -> None:
    with pytest.raises(ServerError, match="The part arrived otherwise"):
        send(Receiver(*[otherwise] * 10))


def test_a_file_that_is_never_the_same_is_given_up(send: Callable[..., list[int]]) -> None:
    def change(receiver: Receiver) -> Answer:
        return Answer(409, {}, b"{}")

    with pytest.raises(ServerError, match=r"model\.safetensors arrives other than it is here"):
        send(Receiver(*[fine] * 4, *[change] * 10))


def test_a_server_that_cannot_check_says_why(send: Callable[..., list[int]]) -> None:
    with pytest.raises(ServerError, match="The disk is full"):
        send(Receiver(*[fine] * 4, lambda _receiver: problem(507, "The disk is full.")))


def test_a_file_that_becomes_shorter_is_said(send: Callable[..., list[int]]) -> None:
    with pytest.raises(ServerError, match=r"model\.safetensors became shorter while it was sent"):
        send(Receiver(), content=CONTENT[:700])
