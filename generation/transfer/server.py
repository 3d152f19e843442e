"""A toprank server as a command talks to it: patient with lines that are cut and servers that restart."""

import json
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Self
from urllib.parse import urlsplit

from app.errors import ToprankError, UnavailableError

API = "/api/v1"
TIMEOUT_S = 60.0
PATIENCE_S = 300.0
LONGEST_PAUSE_S = 10.0
AWAY = (429, 502, 503, 504)


class ServerError(ToprankError):
    """The server refused; what it said is the message."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """The body's JSON. Raises ServerError where it is none, since then it is another server."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ServerError("This is no toprank server, or one of another version. Check --server.") from error

    @property
    def problem(self) -> str:
        """What went wrong, in the server's words."""
        said = self.said
        parts = [f"{one['where']}: {one['why']}." for one in said.get("errors", [])]
        return " ".join([str(said.get("detail", said)), *parts])


class Server:
    """Each thread has a connection of its own; a request that got no answer is repeated for some minutes."""

    def __init__(self, address: str, token: str, *, patience_s: float = PATIENCE_S) -> None:
        """Raises ToprankError for an address that is none."""
        place = urlsplit(address)
        if place.scheme not in ("http", "https") or not place.hostname:
            raise ToprankError(f"{address} is no address of a server, such as https://toprank.example.org.")
        if not token.isascii() or not token.isprintable():
            raise ToprankError("The token has characters that none of ours has; copy it again.")
        self.address, self.patience_s = address.rstrip("/"), patience_s
        self._kind = HTTPSConnection if place.scheme == "https" else HTTPConnection
        self._host, self._port, self._prefix = place.hostname, place.port, place.path.rstrip("/") + API
        self._headers = {"Authorization": f"Bearer {token}"}
        self._own, self._connections = threading.local(), list[HTTPConnection]()
        self.stopping = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close every thread's connection."""
        for connection in self._connections:
            connection.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | memoryview | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """The answer to a request that may be repeated. Raises UnavailableError when none comes for too long."""
        deadline, pause = time.monotonic() + self.patience_s, 0.25
        while True:
            try:
                answer = self._ask_once(method, path, body, {**self._headers, **(headers or {})}, timeout_s)
                fault = f"it answers {answer.status}"
            except (OSError, HTTPException) as error:
                answer, fault = None, str(error) or type(error).__name__
                self._own.connection.close()  # and opened again by the next request
            if answer is not None and answer.status not in AWAY:
                return answer
            if time.monotonic() > deadline or self.stopping.wait(pause):
                raise UnavailableError(
                    f"{self.address} cannot be reached ({fault}). What was sent is kept: run the same command again to "
                    "go on."
                )
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def wanted(self, method: str, path: str, *, said: object = None, timeout_s: float = TIMEOUT_S) -> Any:
        """The JSON of a successful answer. Raises ServerError with the server's words for any other."""
        answer = self.say(method, path, said, timeout_s=timeout_s)
        if answer.status >= 400:
            raise ServerError(answer.problem)
        return answer.said

    def say(self, method: str, path: str, said: object, *, timeout_s: float = TIMEOUT_S) -> Answer:
        """The answer to a request with a JSON body, or with none."""
        body = None if said is None else json.dumps(said).encode()
        return self.ask(method, path, body=body, headers={"Content-Type": "application/json"}, timeout_s=timeout_s)

    def _ask_once(
        self, method: str, path: str, body: bytes | memoryview | None, headers: Mapping[str, str], timeout_s: float
    ) -> Answer:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._kind(self._host, self._port)
            self._connections.append(connection)
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before all of the body had come
            connection.request(method, self._prefix + path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
