"""Model work happens in a child process: the worker's heartbeats go on while it computes, and a crash of it is no
crash of the worker. It ends with its worker, whatever ends that.

Orders come as lines of JSON on its standard input, the database's URL with its password among them; to each it answers
by the number of an outcome. It does not end by itself.
"""

import json
import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import IO, Any, cast

from app.lifeline import die_with_parent, send_line, start_child, start_guard
from generation.generate import Outcome

# The engines' own bars would fill the worker's log.
ENVIRONMENT = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
POLL_S = 0.2


class AbortedError(Exception):
    """The worker is stopping; the batch in hand was abandoned."""


class CrashedError(Exception):
    """The child ended without an outcome."""

    def __init__(self, exit_code: int) -> None:
        self.was_killed = exit_code == -signal.SIGKILL  # as the system does to who asks for more memory than there is
        super().__init__(f"was killed by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}")


def run_child(module: str, order: Mapping[str, object], should_abort: Callable[[], bool]) -> Outcome:
    """Carry out an order in a process of its own. Raises as `ask` does."""
    child = start(module)
    try:
        return ask(child, order, should_abort)
    finally:
        end(child)


def start(module: str) -> "subprocess.Popen[bytes]":
    """A child that waits for orders; on Linux it dies with the thread that starts it."""
    command = [sys.executable, "-m", module]
    return start_child(command, first_line=None, environment=os.environ | ENVIRONMENT, stdout=subprocess.PIPE)


def ask(child: "subprocess.Popen[bytes]", order: Mapping[str, object], should_abort: Callable[[], bool]) -> Outcome:
    """Its answer to an order. Raises AbortedError when told to stop, CrashedError when it ended without an answer."""
    send_line(child, json.dumps(order))
    answers = cast(IO[bytes], child.stdout)
    while True:
        has_ended = child.poll() is not None  # it may have answered before
        can_read, _, _ = select.select([answers], [], [], 0 if has_ended else POLL_S)
        answer = answers.readline() if can_read else b""
        if answer:
            return Outcome(int(answer))
        if has_ended:
            raise CrashedError(child.returncode)
        if should_abort():
            raise AbortedError


def end(child: "subprocess.Popen[bytes]") -> None:
    """Nothing is lost by a kill but the batch in hand, and no clean-up could take longer than a worker may."""
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()  # at which the guard ends what the child had started


def answer_orders(carry_out: Callable[[dict[str, Any]], Outcome]) -> None:
    """In the child: carry out orders as they come, for good. It ends with its worker, whose log is its log as well."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
        orders: SimpleQueue[str] = SimpleQueue()
        orders.put(die_with_parent(on_line=orders.put))
        start_guard()
        logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
        logging.getLogger("toprank").setLevel(logging.INFO)
        while True:
            print(int(carry_out(json.loads(orders.get()))), file=answers, flush=True)
