"""A worker's process for models: it keeps the checkpoint that it has loaded while the next jobs need the same one.

It ends when a job needs another checkpoint, or the memory for something else; when a job failed or was abandoned; when
none has come for a minute; and with its worker. Nothing but its end is sure to give a device's memory back.
"""

import logging
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from generation.child import answer_orders, ask, end, run_child, start
from generation.generate import Order, Outcome, generate
from generation.loaded import AnotherCheckpointError, Loaded
from generation.scoring import ScoringOrder, score

LOG = logging.getLogger("toprank.generation")
IDLE_S = 60
WORK: dict[str, tuple[type[Any], Callable[..., Outcome]]] = {
    "generate": (Order, generate),
    "score": (ScoringOrder, score),
}


class ModelProcess:
    """The process, which is there or not, and has one order at a time."""

    def __init__(self, *, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._lock = threading.Lock()  # held by whoever starts, asks or ends the process
        self._child: subprocess.Popen[bytes] | None = None
        self._idle: threading.Timer | None = None

    def work(self, order: Order | ScoringOrder, should_abort: Callable[[], bool]) -> Outcome:
        """Carry out an order with what is loaded, if that will do, else in a new process.

        Raises AbortedError when told to stop, CrashedError when the process ended without an outcome.
        """
        name = next(name for name, (kind, _) in WORK.items() if isinstance(order, kind))
        with self._lock:
            outcome = Outcome.ANOTHER
            while outcome is Outcome.ANOTHER:
                outcome = self._ask({"work": name} | asdict(order), should_abort)
            return outcome

    def alone(self, module: str, order: Mapping[str, object], should_abort: Callable[[], bool]) -> Outcome:
        """Carry out an order in a process of its own, with all of the memory. Raises as `work` does."""
        with self._lock:
            self._end()
            return run_child(module, order, should_abort)

    def close(self) -> None:
        """End the process, if it is there; another order would start it again."""
        with self._lock:
            self._end()

    def _ask(self, order: Mapping[str, object], should_abort: Callable[[], bool]) -> Outcome:
        is_kept = False
        try:
            outcome = ask(self._awake(), order, should_abort)
            is_kept = outcome in (Outcome.DONE, Outcome.BUSY)
            return outcome
        finally:
            if is_kept:
                self._idle = threading.Timer(self._idle_s, self._end_idle)
                self._idle.daemon = True
                self._idle.start()
            else:
                self._end()

    def _awake(self) -> "subprocess.Popen[bytes]":
        """The process that is there, unless something killed it meanwhile, or a new one."""
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = start(__name__)
        elif self._idle is not None:
            self._idle.cancel()
        return self._child

    def _end_idle(self) -> None:
        if self._lock.acquire(blocking=False):  # else it has work again
            try:
                self._end()
            finally:
                self._lock.release()

    def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._child is not None:
            end(self._child)
        self._child = self._idle = None


def main() -> None:
    """Entry of the process."""
    loaded = Loaded(never_another=True)

    def carry_out(values: dict[str, Any]) -> Outcome:
        order_of, work = WORK[values.pop("work")]
        try:
            return work(order_of(**values), LOG.info, loaded)
        except AnotherCheckpointError:
            return Outcome.ANOTHER

    answer_orders(carry_out)


if __name__ == "__main__":
    main()
