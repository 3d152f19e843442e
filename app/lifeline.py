"""Child processes that end when their parent does, even when it is killed with -9 and cannot tell them.

The parent holds the writing end of a pipe that is the child's standard input and closes with it, on every system. On
Linux the kernel sends a signal as well, which reaches a child that is busy inside a library and runs no Python.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, cast

PR_SET_PDEATHSIG = 1


def start_child(
    command: Sequence[str], *, first_line: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a command that calls `die_with_parent`, in a process group of its own, where Ctrl-C is the parent's affair.

    `first_line` goes to its standard input, which carries what nobody should read in the list of processes. On Linux
    the child dies with the *thread* that started it, so that thread has to stay.
    """
    child = subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, env=environment, process_group=0)
    with suppress(BrokenPipeError):  # it is dead already, which its exit code will say
        cast("IO[bytes]", child.stdin).write(f"{first_line}\n".encode())
    return child


def die_with_parent(with_signal: signal.Signals = signal.SIGKILL) -> str:
    """Called by a child when it starts: it will get this signal when its parent is gone. Returns its first line."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(with_signal))
    first_line = sys.stdin.readline().rstrip("\n")
    threading.Thread(target=_wait_for_the_end, args=(with_signal,), daemon=True, name="lifeline").start()
    return first_line


def _wait_for_the_end(with_signal: signal.Signals) -> None:
    sys.stdin.read()
    os.kill(os.getpid(), with_signal)
