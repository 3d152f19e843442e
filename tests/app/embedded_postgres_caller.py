"""A program that uses the embedded Postgres as some account: `python THIS_FILE UID [DATA_DIR ACTION ARGUMENT]`.

Without an action it answers requests, one line of JSON each, for as long as its input is open. Everything is imported
before the account changes, which may not be allowed to read the interpreter's files.
"""

import ctypes
import dataclasses
import encodings.idna  # noqa: F401 - psycopg loads it late
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from app import embedded_postgres

PR_SET_CHILD_SUBREAPER = 36


def connect(data_dir: Path) -> psycopg.Connection:
    """A connection to a database that has been started."""
    url = embedded_postgres.url(data_dir).replace("+psycopg", "", 1)
    return psycopg.connect(url, autocommit=True, connect_timeout=10)


def start(data_dir: Path, _: str) -> object:
    return embedded_postgres.start(data_dir)


def start_and_stay(data_dir: Path, _: str) -> object:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which is ignored where tests run in the background
    report(embedded_postgres.start(data_dir))
    time.sleep(600)
    return None


def start_without_reaping(data_dir: Path, _: str) -> object:
    """Inherit the server, as process 1 of a container does, and never wait for it."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    pid = os.fork()
    if pid == 0:
        embedded_postgres.start(data_dir)
        os._exit(0)
    os.waitpid(pid, 0)
    report(os.getpid())
    time.sleep(600)
    return None


def stop(data_dir: Path, _: str) -> object:
    return embedded_postgres.stop(data_dir)


def remove(data_dir: Path, _: str) -> object:
    return embedded_postgres.remove(data_dir)


def status(data_dir: Path, _: str) -> object:
    return dataclasses.asdict(embedded_postgres.status(data_dir))


def url(data_dir: Path, _: str) -> object:
    return embedded_postgres.url(data_dir)


def query(data_dir: Path, statement: str) -> object:
    with connect(data_dir) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def query_that_fails(data_dir: Path, statement: str) -> object:
    with connect(data_dir) as connection, suppress(psycopg.Error):
        return connection.execute(statement).statusmessage
    return None


def query_without_end(data_dir: Path, _: str) -> object:
    with connect(data_dir) as connection:
        report(connection.info.backend_pid)
        connection.execute("SELECT count(*) FROM generate_series(1, 1000000000000)")
    return None


def open_connections(data_dir: Path, count: str) -> object:
    """Open so many at once; return how many it took and what it said to the first that it refused."""
    held: list[psycopg.Connection] = []
    refusal = None
    for _ in range(int(count)):
        try:
            held.append(connect(data_dir))
        except psycopg.OperationalError as error:
            refusal = refusal or str(error)
    taken = len(held)
    for connection in held:
        connection.close()
    return {"taken": taken, "refusal": refusal}


def report(answer: object) -> None:
    """Tell the test, as one line of JSON."""
    sys.stdout.write(json.dumps(answer, default=str) + "\n")
    sys.stdout.flush()


def serve() -> None:
    """Do what each line of input asks for; the answer has a second part, which is the error if there was one."""
    for line in sys.stdin:
        data_dir, action, argument = json.loads(line)
        try:
            report([globals()[action](Path(data_dir), argument), None])
        except embedded_postgres.EmbeddedPostgresError as error:
            report([None, str(error)])


def main(uid: str, *request: str) -> None:
    """Become the account and do what was asked for."""
    if os.geteuid() != int(uid):
        os.setgroups([])
        os.setgid(int(uid))
        os.setuid(int(uid))
    if not request:
        return serve()
    data_dir, action, argument = request
    return report(globals()[action](Path(data_dir), argument))


if __name__ == "__main__":
    main(*sys.argv[1:])
