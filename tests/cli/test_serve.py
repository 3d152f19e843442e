"""`toprank serve`, `up` and `worker`, as processes on the test's own database."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from app import embedded_postgres, migrate
from app.errors import ConflictError, ToprankError
from app.settings import Settings
from cli import processes, web_app
from cli.main import app, main
from cli.processes import EndedError, StoppedError, running, stoppable, wait_for_the_end, wait_until_ready
from tests.serving import SECRET


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    variables = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | environment
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *arguments],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(address: str, process: "subprocess.Popen[str]") -> None:
    for _ in range(600):
        try:
            urlopen(address, timeout=2).close()
        except (URLError, HTTPError, OSError):
            if process.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    process.kill()
    raise AssertionError(process.communicate()[0])


def end(process: "subprocess.Popen[str]") -> str:
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=40)[0]


def test_serve_answers_with_two_processes_and_ends(database_url: str) -> None:
    port = free_port()
    server = start(
        "serve", "--port", str(port), "--processes", "2", DATABASE_URL=database_url, TOPRANK_SECRET_KEY=SECRET
    )
    wait_for(f"http://127.0.0.1:{port}/readyz", server)
    end(server)
    assert server.returncode is not None


def test_serve_says_what_is_missing(database_url: str) -> None:
    said, _ = start("serve", "--port", str(free_port()), DATABASE_URL=database_url).communicate(timeout=60)
    assert "TOPRANK_SECRET_KEY is missing" in said
    assert "Traceback" not in said


def test_serve_wants_a_migrated_database(database_url: str) -> None:
    migrate.downgrade(database_url, "0001")
    with pytest.raises(ConflictError, match="toprank db migrate"):
        web_app.check_database(database_url)


def test_a_worker_wants_a_migrated_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate.downgrade(database_url, "0001")
    monkeypatch.setenv("DATABASE_URL", database_url)

    refused = CliRunner().invoke(app, ["worker"])

    assert isinstance(refused.exception, ConflictError)
    assert "toprank db migrate" in str(refused.exception)


def test_a_worker_that_does_not_reach_its_database_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:secret@127.0.0.1:1/nowhere")
    monkeypatch.setattr(sys, "argv", ["toprank", "worker"])

    with pytest.raises(SystemExit, match="1"):
        main()

    said = capsys.readouterr().err
    assert said.startswith("toprank: The database cannot be reached: connection failed")
    assert said.endswith("Check DATABASE_URL, or run `toprank db status`.\n")
    assert "secret" not in said


def test_a_port_in_use_is_said_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ToprankError, match="choose another by --port"):
            web_app.check_port_is_free("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "insecure", "given", "expected"),
    [
        ("127.0.0.1", False, {}, False),
        ("::1", False, {}, False),
        ("localhost", False, {}, False),
        ("0.0.0.0", False, {}, True),
        ("0.0.0.0", True, {}, False),
        ("127.0.0.1", False, {"trusted_proxies": ("127.0.0.1",)}, True),
        ("127.0.0.1", False, {"secure_cookies": True}, True),
    ],
)
def test_plain_http_is_for_loopback_or_said_explicitly(
    host: str, insecure: bool, given: dict[str, object], expected: bool
) -> None:
    settings = Settings.model_validate(given)
    assert web_app.are_cookies_secure(settings, host, insecure_http=insecure) is expected


def test_up_starts_all_of_it_and_leaves_nothing_behind(data_dir: Path) -> None:
    port = free_port()
    everything = start("up", "--port", str(port), "--data-dir", str(data_dir))
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz", everything)
        said = end(everything)
        assert "Stopped." in said
        assert not embedded_postgres.status(data_dir).running
    finally:
        everything.kill()
        embedded_postgres.remove(data_dir)


SLOW_TO_END = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: time.sleep(1) or exit(7))
time.sleep(60)
"""


def test_a_second_signal_does_not_interrupt_the_stopping() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        with stoppable(), running({"one": [sys.executable, "-c", SLOW_TO_END]}, {}) as children:
            time.sleep(1)
            threading.Timer(0.3, os.kill, args=(os.getpid(), signal.SIGTERM)).start()
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
    except StoppedError:
        assert children["one"].returncode == 7
    else:
        pytest.fail("the first signal did not end the block")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_web_app_that_does_not_answer_in_time_is_not_waited_for_any_longer() -> None:
    port = free_port()
    with pytest.raises(EndedError, match=rf"did not answer at http://127.0.0.1:{port} within 1 seconds"):
        wait_until_ready({}, f"http://127.0.0.1:{port}", timeout_s=0.6)


def test_a_part_that_does_not_end_in_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE_S", 0.2)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    with running({"worker": [sys.executable, "-c", deaf]}, {}) as children:
        time.sleep(1)  # until it hears nothing any more
    assert children["worker"].returncode == -signal.SIGKILL


def test_when_one_part_ends_the_others_are_stopped(data_dir: Path) -> None:
    quick, slow = [sys.executable, "-c", "raise SystemExit(3)"], [sys.executable, "-c", "import time; time.sleep(60)"]
    with running({"web app": quick, "worker": slow}, {}) as children, pytest.raises(EndedError, match="web app ended"):
        wait_for_the_end(children)
    assert children["worker"].returncode == -signal.SIGTERM


def test_what_is_asked_before_the_end_is_answered(engine: Engine, database_url: str) -> None:
    port = free_port()
    process = start("serve", "--port", str(port), DATABASE_URL=database_url, TOPRANK_SECRET_KEY=SECRET)
    wait_for(f"http://127.0.0.1:{port}/healthz", process)
    answers: list[int] = []

    def ask() -> None:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as response:
            answers.append(response.status)

    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        asking = threading.Thread(target=ask)
        asking.start()
        while not connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
            time.sleep(0.05)
        process.terminate()
        time.sleep(1)
        assert process.poll() is None  # it waits for whom it has not answered
        connection.rollback()
    asking.join(30)
    process.communicate(timeout=40)
    assert answers == [200]


def test_a_log_of_json_has_a_line_for_each_request(database_url: str) -> None:
    port = free_port()
    variables = {"DATABASE_URL": database_url, "TOPRANK_SECRET_KEY": SECRET, "TOPRANK_LOG": "json"}
    process = start("serve", "--port", str(port), **variables)
    wait_for(f"http://127.0.0.1:{port}/healthz", process)
    lines = [json.loads(line) for line in end(process).splitlines() if line.startswith("{")]
    assert {(line["route"], line["status"]) for line in lines} == {("/healthz", 200)}
