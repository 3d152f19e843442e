"""A checkpoint over a bad line is whole in the end; tests/app/checkpoints has how it is fetched over a good one."""

import hashlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.domain.store import StoredFile, manifest_hash
from generation.transfer import fetching
from generation.transfer.fetching import FetchError, Source, fetch

CONTENT = bytes(range(256)) * 400
FILE = StoredFile("config.json", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
SHA256 = manifest_hash([FILE])


class Moody(BaseHTTPRequestHandler):
    """Has one checkpoint of one file; `moods` say how the next requests for the file or the list are answered."""

    moods: list[str]
    ranges: list[str | None]

    def do_GET(self) -> None:
        mood = self.moods.pop(0) if self.moods else ""
        self.ranges.append(self.headers["Range"])
        if mood == "away":
            self.send_error(503)
            return
        is_file = "/files/" in self.path
        listed = {"files": [{"name": FILE.name, "size": FILE.size, "sha256": FILE.sha256}]}
        start = int(self.headers["Range"].removeprefix("bytes=")[:-1]) if self.headers["Range"] else 0
        answer = CONTENT if is_file else json.dumps(listed).encode()
        if mood != "whole":
            answer = answer[start:]
        self.send_response(206 if start and mood != "whole" else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if mood == "ended":
            self.wfile.write(answer[:1000])
            return
        if mood == "cut":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def moody(monkeypatch: pytest.MonkeyPatch) -> type[Moody]:
    """The kind of answers of the server."""
    monkeypatch.setattr(fetching, "PAUSE_S", 0)
    return type("Handler", (Moody,), {"moods": [], "ranges": []})


@pytest.fixture
def source(moody: type[Moody]) -> Iterator[Source]:
    """The server, as a worker knows it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), moody)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Source(f"http://127.0.0.1:{server.server_port}", "token")
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_line_that_is_cut_is_gone_on_with(
    source: Source, moody: type[Moody], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    moody.moods[:] = ["", "cut", "ended"]

    folder = fetch(SHA256, source, tmp_path)

    assert (folder / FILE.name).read_bytes() == CONTENT
    assert moody.ranges == [None, None, None, "bytes=1000-"]
    assert f"The line to {source.address} was cut" in caplog.text


def test_a_server_that_sends_all_where_the_rest_was_asked_for_is_believed(
    source: Source, moody: type[Moody], tmp_path: Path
) -> None:
    partial = tmp_path / "checkpoints" / f"{SHA256}.partial"
    partial.mkdir(parents=True)
    (partial / FILE.name).write_bytes(CONTENT[:1000])
    moody.moods[:] = ["", "whole"]

    assert (fetch(SHA256, source, tmp_path) / FILE.name).read_bytes() == CONTENT
    assert moody.ranges == [None, "bytes=1000-"]


def test_a_server_that_is_away_for_a_moment_is_asked_again(source: Source, moody: type[Moody], tmp_path: Path) -> None:
    moody.moods[:] = ["away", "", "away"]

    assert (fetch(SHA256, source, tmp_path) / FILE.name).read_bytes() == CONTENT


def test_a_server_that_stays_away_is_said(source: Source, moody: type[Moody], tmp_path: Path) -> None:
    moody.moods[:] = ["away"] * fetching.TRIES

    with pytest.raises(FetchError, match="The web app answers 503"):
        fetch(SHA256, source, tmp_path)
