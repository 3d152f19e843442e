"""What one web process owns for as long as it runs: its settings, its key and its database connections."""

from dataclasses import dataclass
from functools import cached_property
from typing import cast

from anyio import Semaphore
from anyio.lowlevel import RunVar
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker
from starlette.requests import HTTPConnection

from app.db import make_engine, make_session_factory
from app.errors import ToprankError
from app.models import Study
from app.settings import Settings, secret_key

# A process judges as fast with four connections as with fifteen, and with a quarter less CPU for each judgement: those
# who wait here stand in line, while those who wait for locks and threads get in each other's way.
JUDGEMENTS = 4
JUDGEMENT_PAGES = "/annotate"
SHORT_TRANSACTIONS = 2
STREAMS = 2


class NoDatabaseError(ToprankError):
    """The web app has no database: set DATABASE_URL, or start it by a toprank command, which brings its own."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class Resources:
    """Four pools, so that nobody waits for a connection while holding one of the same pool.

    Requests may fill theirs and still write a failed login in a second short transaction; a slow download keeps
    a connection of its own and never one that a page needs; and no slow page keeps annotators waiting.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.database_url is None:
            raise NoDatabaseError
        self.settings = settings
        self.key = secret_key(settings).encode()
        self.studies: dict[int, tuple[str, Study]] = {}  # by id, as app.annotation.kept keeps them
        self.requests = Pool(settings.database_url, settings.pool_size, "toprank requests")
        self.judgements = Pool(settings.database_url, JUDGEMENTS, "toprank judgements")
        self.short_transactions = Pool(settings.database_url, SHORT_TRANSACTIONS, "toprank short transactions")
        self.streams = Pool(settings.database_url, STREAMS, "toprank downloads")

    def pool_for(self, path: str) -> "Pool":
        """Whose connections a request to this path waits for."""
        return self.judgements if path.startswith(JUDGEMENT_PAGES) else self.requests

    def close(self) -> None:
        """Give back every connection."""
        for pool in (self.requests, self.judgements, self.short_transactions, self.streams):
            pool.engine.dispose()


@dataclass(frozen=True)
class Pool:
    """At most `size` connections to one database, opened as they are needed."""

    url: str
    size: int
    program: str

    @cached_property
    def engine(self) -> Engine:
        """The engine that keeps the connections."""
        return make_engine(self.url, pool_size=self.size, program=self.program)

    @cached_property
    def sessions(self) -> sessionmaker[Session]:
        """Makes sessions on this pool."""
        return make_session_factory(self.engine)

    @cached_property
    def _slots(self) -> RunVar[Semaphore]:
        return RunVar("connection slots")

    @property
    def slot(self) -> Semaphore:
        """Held while a session is open: those who wait for a connection wait here, without keeping a thread busy."""
        slots = self._slots.get(None)
        if slots is None:
            slots = Semaphore(self.size)
            self._slots.set(slots)
        return slots


def connections_of(settings: Settings) -> int:
    """How many connections one web process may open at most."""
    return settings.pool_size + JUDGEMENTS + SHORT_TRANSACTIONS + STREAMS


def resources_of(request: HTTPConnection) -> Resources:
    """The resources of the process that answers this request."""
    return cast(Resources, request.app.state.resources)
