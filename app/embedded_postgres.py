"""The zero-install default: a private PostgreSQL 18, used when DATABASE_URL is unset.

We supervise it ourselves: the ready-made wrappers change the modes of parent directories when run as root, and neither
they nor plain pg_ctl start again after a kill that leaves a zombie or a process id that is in use by something else.
See docs/decisions/0001-embedded-postgres.md for the rules kept here.
"""

import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.embedded_postgres_cluster import MAX_CONNECTIONS, create_cluster
from app.embedded_postgres_place import (
    Place,
    check_socket_dir,
    claim,
    claim_lock,
    find_place,
    prepare_socket_dir,
    server_lock,
)
from app.embedded_postgres_programs import (
    EmbeddedPostgresError,
    binaries,
    is_child_of_a_server,
    processes_in,
    readable_binaries,
    run,
    version,
)

__all__ = [
    "EmbeddedPostgresError",
    "Status",
    "binaries",
    "remove",
    "require_connections",
    "start",
    "status",
    "stop",
    "url",
]

# For psql, backups, migrations, and the three that PostgreSQL keeps for its superuser.
SPARE_CONNECTIONS = 10
START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 60.0
UNSEEN_SERVER_TIMEOUT_S = 30.0
POLL_S = 0.05
SOCKET = ".s.PGSQL.5432"


@dataclass(frozen=True)
class Status:
    """What is known of an embedded database without touching it."""

    running: bool
    pid: int | None
    cluster: Path
    socket_dir: Path | None  # None before the first start
    version: str


def start(data_dir: Path) -> str:
    """Start the database if it is not running, after creating it if need be, and return its URL.

    Any number of processes may call this at once: one of them starts one server, all return when it accepts
    connections. The server outlives its starter. Raises EmbeddedPostgresError.
    """
    place = find_place(data_dir)
    with claim_lock(place):
        if not place.is_claimed:
            _stop(place)
        claim(place)
    began = time.monotonic()
    while not _is_ready(place):
        with server_lock(place) as lock:
            if lock is not None and _server_pid(place) is None:
                _end_leftovers(place)
                if not place.cluster.exists():
                    create_cluster(place, lock)
                _launch(place, lock)
                break
        _end_leftovers(place)
        _check_patience(place, waited_s=time.monotonic() - began)
        time.sleep(POLL_S)
    return url(data_dir)


def stop(data_dir: Path) -> bool:
    """Stop the server: sessions are ended, what they committed is kept. False when it was not running."""
    place = find_place(data_dir)
    return place.is_claimed and _stop(place)


def status(data_dir: Path) -> Status:
    """Whether the server runs, and where its files are."""
    place = find_place(data_dir)
    pid = _server_pid(place) if place.is_claimed else None
    socket_dir = place.socket_dir() if place.password_file.exists() else None
    return Status(pid is not None, pid, place.cluster, socket_dir, version())


def url(data_dir: Path) -> str:
    """The database's URL, whether it runs or not. Raises EmbeddedPostgresError when it was never started."""
    place = find_place(data_dir)
    password = place.password()
    check_socket_dir(place)
    return f"postgresql+psycopg://toprank:{password}@/toprank?host={quote(str(place.socket_dir()), safe='/')}"


def remove(data_dir: Path) -> None:
    """Stop the server and delete its database for good; the rest of the data directory is left alone."""
    place = find_place(data_dir)
    if place.is_claimed:
        _stop(place)
        socket_dirs = [place.socket_dir()] if place.password_file.exists() else []
        for directory in (*socket_dirs, place.home, place.pointer.parent):
            shutil.rmtree(directory, ignore_errors=True)
        place.lock_file.unlink(missing_ok=True)


def require_connections(pool_size: int, processes: int) -> None:
    """Refuse a plan that would run the embedded database out of connections.

    Raises EmbeddedPostgresError when `processes` pools of `pool_size` and some to spare exceed its limit.
    """
    needed = pool_size * processes + SPARE_CONNECTIONS
    if needed > MAX_CONNECTIONS:
        raise EmbeddedPostgresError(
            f"{processes} processes with {pool_size} connections each and {SPARE_CONNECTIONS} to spare need {needed}, "
            f"but the embedded database takes {MAX_CONNECTIONS}: use fewer processes or set TOPRANK_POOL_SIZE lower"
        )


def _launch(place: Place, lock: int) -> None:
    """Start the server, which inherits the lock, and wait until it accepts connections."""
    socket_dir = prepare_socket_dir(place)
    # Nothing of ours is alive, so these are stale; PostgreSQL would take them for a living server's if their process
    # id is a zombie's or somebody else's by now.
    for stale in (place.pid_file, socket_dir / SOCKET, socket_dir / f"{SOCKET}.lock"):
        stale.unlink(missing_ok=True)
    options = ["-k", str(socket_dir), "-p", "5432", "-c", "listen_addresses=", "-c", f"hba_file={place.access_rules}"]
    pg_ctl = readable_binaries(place.account, place.home) / "pg_ctl"
    arguments = ["start", "-w", "-t", f"{START_TIMEOUT_S:.0f}", "-l", "server.log", "-o", shlex.join(options)]
    log = place.cluster / "server.log"
    said_before = log.stat().st_size if log.exists() else 0
    try:
        run(place.account, pg_ctl, *arguments, cluster=place.cluster, keep=lock)
    except EmbeddedPostgresError as error:
        raise EmbeddedPostgresError(f"{error} {_complaints(log, said_before)}".strip()) from None


def _stop(place: Place) -> bool:
    pid = _server_pid(place)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)  # "fast": end the sessions, write a checkpoint
    if not _wait(lambda: pid not in processes_in(place.cluster, place.account), STOP_TIMEOUT_S):
        raise EmbeddedPostgresError(f"the database in {place.cluster} is still stopping after {STOP_TIMEOUT_S:.0f} s")
    if not place.belongs_to_root:
        with suppress(OSError):
            place.socket_dir().rmdir()
    return True


def _server_pid(place: Place) -> int | None:
    """The server's process id, if the process of that id really works in this cluster."""
    pid = _pid_file_lines(place)[0]
    if not pid.isdigit() or int(pid) not in processes_in(place.cluster, place.account):
        return None
    return int(pid)


def _is_ready(place: Place) -> bool:
    lines = _pid_file_lines(place)
    return len(lines) > 7 and lines[7].strip() == "ready" and _server_pid(place) is not None


def _pid_file_lines(place: Place) -> list[str]:
    try:
        return place.pid_file.read_text().splitlines() or [""]
    except FileNotFoundError:
        return [""]


def _end_leftovers(place: Place) -> None:
    """Kill the children of a server that was itself killed: busy ones live on, and two servers would share the files.

    The order matters. Who is there is asked first: had they a living server by then, the second question finds it.
    """
    found = processes_in(place.cluster, place.account)
    if not found or _server_pid(place) is not None:
        return
    for pid in filter(is_child_of_a_server, found):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _check_patience(place: Place, *, waited_s: float) -> None:
    """Give up on a start that takes too long, or on a server that holds the lock but is not to be seen from here."""
    if place.pid_file.exists() and _server_pid(place) is None and waited_s > UNSEEN_SERVER_TIMEOUT_S:
        raise EmbeddedPostgresError(
            f"the database in {place.cluster} is in use by a server that cannot be seen from here, in another "
            "container or on another machine: stop it there, or share it with DATABASE_URL"
        )
    if waited_s > START_TIMEOUT_S:
        raise EmbeddedPostgresError(f"the database in {place.cluster} has not started within {START_TIMEOUT_S:.0f} s")


def _complaints(log: Path, said_before: int) -> str:
    """What the server gave as its reasons in the bytes that a failed start added to the log."""
    said = log.read_bytes()[said_before:].decode(errors="replace") if log.exists() else ""
    return " ".join(line for line in said.splitlines() if re.search(r"FATAL|PANIC|HINT", line))


def _wait(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
