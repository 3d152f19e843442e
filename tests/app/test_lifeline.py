"""Children end with their parent, even one that is killed and can tell nobody."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.lifeline import start_child
from tests.skips import needs_proc

CHILD = """
import sys, time
from app.lifeline import die_with_parent
print(die_with_parent(), flush=True)
time.sleep(60)
"""
FOUNDER = """
import subprocess, sys, time
from app.lifeline import die_with_parent, start_guard
die_with_parent()
start_guard()
print(subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL).pid, flush=True)
time.sleep(60)
"""
PARENT = """
import sys, time
from app.lifeline import start_child
from tests.skips import needs_proc
child = start_child([sys.executable, "-c", sys.argv[1]], first_line="a secret")
print(child.pid, flush=True)
time.sleep(60)
"""
ELSEWHERE = """
import signal, sys, time
from app.lifeline import die_with_parent
sys.platform = "elsewhere"
die_with_parent(signal.SIGTERM)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@needs_proc
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_ends_when_its_parent_is_killed(sign: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert parent.stdout.readline() == "a secret\n"
    assert is_alive(child)
    os.kill(parent.pid, sign)
    parent.wait(timeout=10)
    parent.stdout.close()
    wait_for_the_end(child)


def wait_for_the_end(pid: int) -> None:
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_where_the_kernel_sends_no_signal_the_end_of_the_pipe_does() -> None:
    child = start_child([sys.executable, "-c", ELSEWHERE])

    with child:  # closes the pipe, as the end of this process would
        pass

    assert child.returncode == -signal.SIGTERM


def test_a_child_that_is_dead_at_once_is_known_by_its_exit_code() -> None:
    with start_child(["false"], first_line="x" * 1_000_000) as child:
        pass

    assert child.returncode == 1


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")
def test_a_guard_ends_what_a_killed_child_had_started() -> None:
    """As vLLM's own processes, which hold the GPU's memory and do not notice that nobody is left."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, FOUNDER], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child, grandchild = int(parent.stdout.readline()), int(parent.stdout.readline())
    os.kill(child, signal.SIGKILL)
    time.sleep(0.2)
    assert is_alive(grandchild)
    parent.kill()
    parent.wait(timeout=10)
    parent.stdout.close()
    wait_for_the_end(grandchild)
