"""Model work happens in a child process: the worker's heartbeats go on while it computes, and a crash of it is no
crash of the worker. It ends with its worker, whatever ends that.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from app.lifeline import die_with_parent, start_child
from generation.downstream.evaluation import DownstreamOrder, evaluate
from generation.generate import Order, Outcome, generate
from generation.scoring import ScoringOrder, score

LOG = logging.getLogger("toprank.generation")
# The engines' own bars would fill the worker's log.
ENVIRONMENT = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
POLL_S = 0.2
AnyOrder = Order | ScoringOrder | DownstreamOrder
WORK: dict[str, tuple[type[Any], Callable[..., Outcome]]] = {
    "generate": (Order, generate),
    "score": (ScoringOrder, score),
    "downstream": (DownstreamOrder, evaluate),
}


class AbortedError(Exception):
    """The worker is stopping; the batch in hand was abandoned."""


class CrashedError(Exception):
    """The child ended without an outcome."""

    def __init__(self, exit_code: int) -> None:
        self.was_killed = exit_code == -signal.SIGKILL  # as the system does to who asks for more memory than there is
        super().__init__(f"was killed by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}")


def work_in_child(order: AnyOrder, should_abort: Callable[[], bool]) -> Outcome:
    """Carry out an order in a child process. Raises AbortedError when told to stop, CrashedError when it crashed."""
    work = next(name for name, (kind, _) in WORK.items() if isinstance(order, kind))
    return run_child("generation.child", {"work": work} | asdict(order), should_abort)


def run_child(module: str, order: Mapping[str, object], should_abort: Callable[[], bool]) -> Outcome:
    """Run a module that reads its order as JSON and ends with an outcome. Raises AbortedError or CrashedError.

    The database's URL, which carries a password, goes to the child by its standard input.
    """
    child = start_child(
        [sys.executable, "-m", module],
        first_line=json.dumps(order),
        environment=os.environ | ENVIRONMENT,
    )
    try:
        while child.poll() is None:
            if should_abort():
                raise AbortedError
            time.sleep(POLL_S)
    finally:
        _end(child)
    if child.returncode not in set(Outcome):
        raise CrashedError(child.returncode)
    return Outcome(child.returncode)


def read_order() -> dict[str, Any]:
    """In the child: what to do. From now on it ends with its worker, and its log is the worker's."""
    order: dict[str, Any] = json.loads(die_with_parent())
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("toprank").setLevel(logging.INFO)
    return order


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Nothing is lost by a kill but the batch in hand, and no clean-up could take longer than a worker may."""
    if child.poll() is None:
        child.kill()
    child.wait()
    if child.stdin is not None:
        child.stdin.close()


def main() -> None:
    """Entry of the child."""
    values = read_order()
    order_of, work = WORK[values.pop("work")]
    sys.exit(work(order_of(**values), LOG.info))


if __name__ == "__main__":
    main()
