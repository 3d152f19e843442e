"""Child processes that end when their parent does, even when it is killed with -9 and cannot tell them.

The parent holds the writing end of a pipe that is the child's standard input and closes with it, on every system. On
Linux the kernel sends a signal as well, which reaches a child that is busy inside a library and runs no Python.

A child whose libraries start processes of their own, which know nothing of this, has a guard beside it: a process that
does nothing but wait for the same pipe to close, and then ends the whole group.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, cast

PR_SET_PDEATHSIG = 1


def start_child(
    command: Sequence[str],
    *,
    first_line: str | None = "",
    environment: Mapping[str, str] | None = None,
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command that calls `die_with_parent`, in a process group of its own, where Ctrl-C is the parent's affair.

    `first_line` goes to its standard input, which carries what nobody should read in the list of processes; None leaves
    it to the caller. On Linux the child dies with the *thread* that started it, so that thread has to stay.
    """
    child = subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stdout=stdout, env=environment, process_group=0)
    if first_line is not None:
        send_line(child, first_line)
    return child


def send_line(child: subprocess.Popen[bytes], line: str) -> None:
    """Write a line to the standard input of a child that `start_child` gave."""
    with suppress(BrokenPipeError):  # it is dead already, which its exit code will say
        cast("IO[bytes]", child.stdin).write(f"{line}\n".encode())


def die_with_parent(
    with_signal: signal.Signals = signal.SIGKILL, *, on_line: Callable[[str], object] = lambda _: None
) -> str:
    """Called by a child when it starts: it will get this signal when its parent is gone. Returns its first line.

    `on_line` gets the lines that come later, in a thread.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(with_signal))
    first_line = sys.stdin.readline().rstrip("\n")
    threading.Thread(target=_wait_for_the_end, args=(with_signal, on_line), daemon=True, name="lifeline").start()
    return first_line


def _wait_for_the_end(with_signal: signal.Signals, on_line: Callable[[str], object]) -> None:
    for line in sys.stdin:
        on_line(line.rstrip("\n"))
    os.kill(os.getpid(), with_signal)


def start_guard() -> None:
    """Called by a child in a group of its own: nothing of the group outlives its parent, nor the pipe from it."""
    os.posix_spawn(sys.executable, [sys.executable, "-m", __name__], os.environ)


def main() -> None:
    """Entry of the guard, whose standard input is the child's: it reads nothing, and notices only that it closes."""
    pipe = select.poll()
    pipe.register(sys.stdin, 0)
    pipe.poll()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
