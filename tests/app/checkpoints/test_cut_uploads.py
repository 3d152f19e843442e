"""Lines that are cut and processes that are killed: what was counted is there, and nothing is half there."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest
from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect

from app.checkpoints.receiving import ChecksumError, Chunk, write
from app.domain.store import Store
from app.models import UploadFile
from app.settings import Settings
from tests.app.checkpoints.sending import Sender, checksum, sha256
from tests.serving import serve

KILLED_BEFORE_THE_RENAME = """
import json, os, signal, sys
from pathlib import Path
from uuid import UUID
from app.checkpoints.publishing import publish
from app.domain.store import Store
from app.models import UploadFile

root, upload, files = json.loads(sys.argv[1])
Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
publish(Store(Path(root)), UUID(upload), [UploadFile(**file) for file in files])
"""


def send_and_cut(address: str, sender: Sender, path: str, headers: dict[str, str], body: bytes, after_s: float) -> None:
    """Begin a PATCH of more bytes than come, and hang up."""
    place = urlsplit(address)
    lines = [f"PATCH {path} HTTP/1.1", f"Host: {place.netloc}", f"Content-Length: {len(body) + 1}"]
    lines += [f"{name}: {value}" for name, value in (sender.headers | headers).items()]
    with socket.create_connection((place.hostname, place.port)) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        time.sleep(after_s)


def test_a_part_that_is_cut_counts_as_far_as_it_came_unless_it_has_a_checksum(
    sender: Sender, folder: Path, settings: Settings, db: Session
) -> None:
    begun = sender.begun(folder)
    number = next(file["number"] for file in begun["files"] if file["name"] == "tokenizer.json")
    content = (folder / "tokenizer.json").read_bytes()
    path = f"/api/v1/uploads/{begun['id']}/files/{number}"
    headers = {"Content-Type": "application/offset+octet-stream"}
    with serve(settings) as address:
        whole = {"Upload-Offset": "0", "Upload-Checksum": checksum(content)}
        send_and_cut(address, sender, path, headers | whole, content[:500], 0.2)
        while sender.check(begun["id"], number, "0" * 64).status_code == 423:
            time.sleep(0.05)  # the server has not noticed yet
        assert sender.offset(begun["id"], number) == 0
        for after_s in (0.2, 1, 5, 20):  # a busy server that has not read what came before the cut drops it
            if sender.offset(begun["id"], number) == 0:
                send_and_cut(address, sender, path, headers | {"Upload-Offset": "0"}, content[:500], after_s)
                time.sleep(after_s)
        assert sender.offset(begun["id"], number) == 500
    sender.send(folder, sender.begun(folder))
    assert sender.finish(begun["id"]).status_code == 202


def test_a_kill_between_the_look_and_the_rename_leaves_nothing_half(
    sender: Sender, folder: Path, store: Store, settings: Settings
) -> None:
    begun = sender.begun(folder)
    sender.send(folder, begun)
    files = [
        {"number": file["number"], "name": file["name"], "size": file["size"], "sha256": sha256(content)}
        for file in begun["files"]
        for content in [(folder / file["name"]).read_bytes()]
    ]
    order = json.dumps([str(store.root), begun["id"], files])

    killed = subprocess.run([sys.executable, "-c", KILLED_BEFORE_THE_RENAME, order], check=False, timeout=60)

    assert killed.returncode == -signal.SIGKILL
    assert list(store.checkpoints.iterdir()) == []
    assert (store.upload(begun["id"]) / "checkpoint" / "config.json").exists()
    assert sender.finish(begun["id"]).status_code == 202
    assert len(list(store.checkpoints.iterdir())) == 1
    assert list(store.uploads.iterdir()) == []


async def a_body_that_is_cut() -> AsyncIterator[bytes]:
    yield b"abc"
    raise ClientDisconnect


def test_what_came_before_a_cut_counts_without_a_checksum_alone(tmp_path: Path) -> None:
    file = UploadFile(name="config.json", size=10, received=0)
    descriptor = os.open(tmp_path / "1", os.O_RDWR | os.O_CREAT)
    assert anyio.run(write, descriptor, Chunk(0, 10, None), a_body_that_is_cut(), file, None) == 3
    with pytest.raises(ChecksumError, match="was cut"):
        anyio.run(write, descriptor, Chunk(3, 7, bytes(32)), a_body_that_is_cut(), file, None)
    os.close(descriptor)
    assert (tmp_path / "1").read_bytes() == b"abc"
