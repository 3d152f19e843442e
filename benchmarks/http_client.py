"""An HTTP/1.1 client that costs next to nothing, since it shares the machine with what it measures."""

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import urlencode

CLAIM = re.compile(rb'<article class="pair" data-claim="([0-9a-f-]{36})"')


@dataclass
class Connection:
    """One annotator's keep-alive connection, logged in by cookie."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    headers: bytes

    @classmethod
    async def open(cls, port: int, *, cookie: str, form_token: str) -> "Connection":
        """Connect to loopback."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        headers = (
            f"Host: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nCookie: toprank={cookie}\r\n"
            f"X-CSRF-Token: {form_token}\r\nHX-Request: true\r\n"
        )
        return cls(reader, writer, headers.encode())

    async def get(self, path: str) -> bytes:
        """The body of a page; raises RuntimeError unless it is 200."""
        return await self._exchange(b"GET " + path.encode() + b" HTTP/1.1\r\n" + self.headers + b"\r\n")

    async def post(self, path: str, fields: dict[str, str]) -> bytes:
        """The body of the answer to a form; raises RuntimeError unless it is 200."""
        body = urlencode(fields).encode()
        kind = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body)
        return await self._exchange(b"POST " + path.encode() + b" HTTP/1.1\r\n" + self.headers + kind + body)

    async def _exchange(self, request: bytes) -> bytes:
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await self.reader.readexactly(int(length[1])) if length else b""
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head.decode()}{body.decode()[:500]}")
        return body


def claim_in(page: bytes) -> str | None:
    """The claim that a page shows; None when there is nothing left."""
    found = CLAIM.search(page)
    return found[1].decode() if found else None
