"""Several processes that start and end together: the web app and a worker, under one command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from urllib.request import urlopen

from app.errors import ToprankError
from app.lifeline import start_child

POLL_S = 0.2
PATIENCE_S = 15


class EndedError(ToprankError):
    """One of the processes ended by itself, and the others were stopped."""


class StoppedError(Exception):
    """Somebody asked for the end, by Ctrl-C or SIGTERM."""


def toprank(*arguments: str) -> list[str]:
    """The command line of a toprank command that ends with its parent."""
    return [sys.executable, "-m", "cli.main", *arguments, "--with-parent"]


@contextmanager
def stoppable() -> Iterator[None]:
    """Within, Ctrl-C and SIGTERM raise StoppedError in the main thread; afterwards they mean what they meant before.

    Only the first raises: a second one, from an impatient person or from a supervisor that signals the process and its
    group, must not interrupt the stopping of the children.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise StoppedError

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def running(
    commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]
) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """Children by name, which are told to stop when the block ends, and killed if they are too slow."""
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            children[name] = start_child(command, environment=os.environ | environment)
        yield children
    finally:
        _stop(list(children.values()))


def wait_until_ready(children: Mapping[str, "subprocess.Popen[bytes]"], address: str, *, timeout_s: float = 60) -> None:
    """Return when the web app answers. Raises EndedError when a child ends before, or nothing answers in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        _check(children)
        try:
            with urlopen(f"{address}/readyz", timeout=2):  # noqa: S310 - an address of our own
                return
        except OSError:
            time.sleep(POLL_S)
    raise EndedError(f"The web app did not answer at {address} within {timeout_s:.0f} seconds.")


def wait_for_the_end(children: Mapping[str, "subprocess.Popen[bytes]"]) -> None:
    """Return never but by EndedError, or by what a signal raises."""
    while True:
        _check(children)
        time.sleep(POLL_S)


def _check(children: Mapping[str, "subprocess.Popen[bytes]"]) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            raise EndedError(
                f"The {name} ended with exit code {child.returncode}, so everything was stopped; its last words stand "
                "above. Nothing is lost: the same command goes on where this one stopped."
            )


def _stop(children: "list[subprocess.Popen[bytes]]") -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + PATIENCE_S
    for child in children:
        with child:
            try:
                child.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
