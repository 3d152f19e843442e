"""A whole installation of its own: database, web processes and a worker, each of which can be killed."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from app import embedded_postgres, migrate
from tests.serving import SECRET

WEB_PROCESSES = 2
CLIENT_BACKENDS = """
SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def is_alive(pid: int) -> bool:
    """Whether the process still runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class House:
    """Started by `start`; `close` ends everything that runs."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.chance = random.Random(5)

    def start(self) -> None:
        """Bring everything up and wait until it answers."""
        self.url = embedded_postgres.start(self.data_dir)
        migrate.upgrade(self.url)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.web = self._serve()
        self.worker = self._run("worker")
        self._wait_for_web()

    @property
    def address(self) -> str:
        """Where the web app is."""
        return f"http://127.0.0.1:{self.port}"

    def kill_postmaster(self) -> None:
        """kill -9 the database's first process, and start it again as an operator would."""
        pid = self._postmaster()
        os.kill(pid, signal.SIGKILL)
        while is_alive(pid):
            time.sleep(0.02)
        embedded_postgres.start(self.data_dir)

    def kill_backend(self) -> None:
        """kill -9 one backend that serves the web app, after which Postgres restarts all by itself."""
        plain = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        serving: list[tuple[int]] = []
        with psycopg.connect(plain, autocommit=True) as connection:
            while not serving:  # after the last kill the web app may not be back yet
                serving = connection.execute(CLIENT_BACKENDS).fetchall()
        os.kill(self.chance.choice(serving)[0], signal.SIGKILL)

    def kill_web_process(self) -> None:
        """kill -9 one of the web processes; their parent starts another."""
        serving: list[int] = []
        while not serving:
            children = Path(f"/proc/{self.web.pid}/task/{self.web.pid}/children").read_text().split()
            serving = [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(self.chance.choice(serving), signal.SIGKILL)

    def kill_worker(self) -> None:
        """kill -9 the worker, and start another."""
        self.worker.kill()
        self.worker.wait(timeout=10)
        self.worker = self._run("worker")

    def restart_web_app(self) -> None:
        """SIGTERM both web processes by their parent, as an upgrade does; they end by themselves, and others start."""
        self.web.terminate()
        self.web.wait(timeout=20)
        self.web = self._serve()

    def close(self) -> None:
        """End what runs and remove the database."""
        for process in (self.worker, self.web):
            process.terminate()
        for process in (self.worker, self.web):
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
        embedded_postgres.remove(self.data_dir)

    def _postmaster(self) -> int:
        pid = embedded_postgres.status(self.data_dir).pid
        assert pid is not None
        return pid

    def _serve(self) -> subprocess.Popen[bytes]:
        return self._run("serve", "--port", str(self.port), "--processes", str(WEB_PROCESSES))

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "DATABASE_URL": self.url,
            "TOPRANK_DATA_DIR": str(self.data_dir),
            "TOPRANK_SECRET_KEY": SECRET,
            "TOPRANK_POOL_SIZE": "8",
        }
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([sys.executable, "-m", "cli.main", *command], env=environment, **quiet)

    def _wait_for_web(self) -> None:
        for _ in range(600):
            assert self.web.poll() is None, "the web app did not start"
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the web app did not answer within a minute")
