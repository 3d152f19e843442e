"""A stored checkpoint on a machine that does not share the store: fetched from the web app once, into a cache.

The checkpoint's name is the hash of all its files, so that nothing but the right bytes can come of it, whoever sent
them. A file that was cut goes on where it was; the folder appears by one rename when everything in it was compared.
"""

import fcntl
import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from app.domain.checkpoint_names import name_fault
from app.domain.store import StoredFile, manifest_hash, move_to
from app.errors import ToprankError
from app.settings import Settings

LOG = logging.getLogger("toprank.generation")
BLOCK = 2**20
TIMEOUT_S = 60
TRIES = 8
PAUSE_S = 0.5


class FetchError(ToprankError):
    """A checkpoint cannot be had from the web app."""


@dataclass(frozen=True)
class Source:
    """The web app, and the token with which a worker may fetch from it."""

    address: str
    token: str

    def open(self, path: str, *, start: int = 0) -> HTTPResponse:
        """The answer to a request for what is at `path`, from byte `start` on."""
        if not self.address.startswith(("http://", "https://")):
            raise FetchError(
                f"TOPRANK_SERVER is {self.address}, which is no address such as https://toprank.example.org."
            )
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Range": f"bytes={start}-"} if start else {})
        request = Request(f"{self.address.rstrip('/')}/api/v1/stored/{path}", headers=headers)  # noqa: S310
        answer: HTTPResponse = urlopen(request, timeout=TIMEOUT_S)  # noqa: S310 - of the two kinds above
        return answer


def web_app(settings: Settings) -> Source | None:
    """The web app that has the store, for a worker that does not share it; None where nothing says so."""
    if settings.server and settings.worker_token:
        return Source(settings.server, settings.worker_token.get_secret_value())
    return None


def cached(sha256: str, cache: Path) -> Path:
    """Where a cache keeps the checkpoint of this hash."""
    return cache / "checkpoints" / sha256


def fetch(sha256: str, source: Source, cache: Path) -> Path:
    """The folder of the checkpoint in the cache. Raises FetchError with what to do."""
    target = cached(sha256, cache)
    with _alone(target.with_name(f"{sha256}.lock")):
        if not target.is_dir():
            partial = target.with_name(f"{sha256}.partial")
            for file in _manifest(sha256, source):
                _fetch_file(source, sha256, file, partial / file.name)
            move_to(partial, target)
            LOG.info("The checkpoint %s was fetched from %s.", sha256[:12], source.address)
    return target


def _manifest(sha256: str, source: Source) -> list[StoredFile]:
    with _repeated(lambda: source.open(sha256)) as answer:
        files = [StoredFile(**one) for one in json.loads(answer.read())["files"]]
    if manifest_hash(files) != sha256 or any(name_fault(file.name) for file in files):
        raise FetchError(f"{source.address} says of the checkpoint {sha256[:12]} what cannot be true. Ask an admin.")
    return files


def _fetch_file(source: Source, sha256: str, file: StoredFile, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(TRIES):
        start = path.stat().st_size if path.exists() else 0
        if start < file.size:
            _append(source, f"{sha256}/files/{quote(file.name)}", path, start)
        elif _hash(path) == file.sha256:
            return
        else:
            path.unlink()  # what an earlier line spoilt
    raise FetchError(
        f"{file.name} arrived {TRIES} times other than it is in the store. Look at the line, then try again."
    )


def _append(source: Source, path: str, file: Path, start: int) -> None:
    """Add what comes; a line that is cut leaves what had come."""
    with _repeated(lambda: source.open(path, start=start)) as answer, file.open("ab") as stream:
        if start and answer.status != 206:
            stream.truncate(0)
        try:
            shutil.copyfileobj(answer, stream, BLOCK)
        except (HTTPException, ConnectionError, TimeoutError) as error:
            LOG.warning("The line to %s was cut (%s).", source.address, error)


@contextmanager
def _repeated(ask: Callable[[], HTTPResponse]) -> Iterator[HTTPResponse]:
    """The answer to a request, repeated while the server is away."""
    attempt = 0
    while True:
        attempt += 1
        try:
            answer = ask()
        except HTTPError as error:
            if error.code < 500 or attempt == TRIES:
                raise FetchError(
                    f"The web app answers {error.code} {error.reason} for a checkpoint; see that TOPRANK_WORKER_TOKEN "
                    "is valid (`toprank user token EMAIL --scope worker`)."
                ) from error
        except OSError as error:
            if attempt == TRIES:
                raise FetchError(f"The web app cannot be reached ({error}); see TOPRANK_SERVER.") from error
        else:
            with answer:
                yield answer
            return
        time.sleep(PAUSE_S * 2 ** (attempt - 1))


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Waits for whoever fetches the same on this machine."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
