"""Files that are made while they are sent: by a connection of their own, never more at a time than there are."""

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial

from anyio import CancelScope, WouldBlock, to_thread
from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse
from starlette.types import Send

from app.errors import UnavailableError
from app.resources import Pool

Pieces = Callable[[Session], Iterator[bytes]]
Ended = Callable[[], None]


class BusyError(UnavailableError):
    """Several large files are on their way already, so this one was not begun. Try again in a minute."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class Download(StreamingResponse):
    """A file from `pieces`; `ended` is called when the last is made, and also where the reader went away before.

    The first piece is made before the response starts, so that what goes wrong until then is still an error.
    """

    def __init__(self, pool: Pool, pieces: Pieces, *, ended: Ended, name: str, media_type: str) -> None:
        self._pool, self._pieces, self._ended = pool, pieces, ended
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        super().__init__((), media_type=media_type, headers=headers)

    async def stream_response(self, send: Send) -> None:
        """Send it, unless too many are on their way."""
        try:
            self._pool.slot.acquire_nowait()
        except WouldBlock:
            raise BusyError from None
        try:
            await self._send_pieces(send)
        finally:
            self._pool.slot.release()

    async def _send_pieces(self, send: Send) -> None:
        made = self._made()
        try:
            first = await to_thread.run_sync(partial(next, made, b""))
            self.body_iterator = _with_first(first, made)
            await super().stream_response(send)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(made.close)

    def _made(self) -> Generator[bytes, None, None]:
        try:
            with self._pool.sessions() as session:
                yield from self._pieces(session)
        finally:
            self._ended()


async def _with_first(first: bytes, rest: Iterator[bytes]) -> AsyncIterator[bytes]:
    piece = first
    while piece:
        yield piece
        piece = await to_thread.run_sync(partial(next, rest, b""))
