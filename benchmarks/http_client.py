"""An HTTP/1.1 client that costs next to nothing, since it shares the machine with what it measures."""

import asyncio
import re
from typing import cast
from urllib.parse import urlencode

CLAIM = re.compile(rb'<article class="pair" data-claim="([0-9a-f-]{36})"')
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
END_OF_HEAD = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """One annotator's keep-alive connection, logged in by cookie; one request at a time.

    A protocol, not a stream: a page is looked at once, when all of it is there.
    """

    transport: asyncio.Transport

    def __init__(self, headers: str) -> None:
        self.headers = headers.encode()
        self._expect_answer()

    @classmethod
    async def open(cls, port: int, *, cookie: str, form_token: str) -> "Connection":
        """Connect to loopback."""
        headers = (
            f"Host: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nCookie: toprank={cookie}\r\n"
            f"X-CSRF-Token: {form_token}\r\nHX-Request: true\r\n"
        )
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: cls(headers), "127.0.0.1", port)
        return connection

    async def get(self, path: str) -> bytes:
        """The body of a page; raises RuntimeError unless it is 200."""
        return await self._exchange(b"GET " + path.encode() + b" HTTP/1.1\r\n" + self.headers + b"\r\n")

    async def post(self, path: str, fields: dict[str, str]) -> bytes:
        """The body of the answer to a form; raises RuntimeError unless it is 200."""
        body = urlencode(fields).encode()
        kind = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body)
        return await self._exchange(b"POST " + path.encode() + b" HTTP/1.1\r\n" + self.headers + kind + body)

    def close(self) -> None:
        """Hang up."""
        self.transport.close()

    def _expect_answer(self) -> None:
        self.received = b""
        self.whole = 0  # bytes of head and body together, once the head is there
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def _exchange(self, request: bytes) -> bytes:
        self._expect_answer()
        self.transport.write(request)
        head, _, body = (await self.answer).partition(END_OF_HEAD)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head.decode()}{body.decode()[:500]}")
        return body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Give the answer to whoever waits for it, as soon as it is whole."""
        self.received += data
        if not self.whole and (end := self.received.find(END_OF_HEAD)) >= 0:
            length = LENGTH.search(self.received, 0, end + 2)
            self.whole = end + len(END_OF_HEAD) + (int(length[1]) if length else 0)
        if self.whole and len(self.received) >= self.whole:
            self.answer.set_result(self.received)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever still waits gets no answer."""
        if not self.answer.done():
            self.answer.set_exception(exc or ConnectionResetError("The server hung up before it answered."))


def claim_in(page: bytes) -> str | None:
    """The claim that a page shows; None when there is nothing left."""
    found = CLAIM.search(page)
    return found[1].decode() if found else None
