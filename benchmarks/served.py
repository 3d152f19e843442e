"""The web app as processes of its own, as `toprank serve` starts it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SECRET = "a-key-for-benchmarks-0123456789-abcdef"


@dataclass(frozen=True)
class Server:
    """A running web app: the process that started all of it, and its port at loopback."""

    pid: int
    port: int


@contextmanager
def served(database_url: str, *, processes: int) -> Iterator[Server]:
    """Start `toprank serve` on a free port; ended when the measurement is over."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port), "--processes", str(processes)]
    environment = os.environ | {"DATABASE_URL": database_url, "TOPRANK_SECRET_KEY": SECRET}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit("The web app did not start; its message stands above.")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("The web app did not answer within two minutes.")
