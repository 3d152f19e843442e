"""Model work in a child process, tried again when the child crashes, and given back when another has it."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from procrastinate import JobContext
from procrastinate.exceptions import JobAborted
from sqlalchemy.orm import Session

from app.db import make_engine
from generation.child import AbortedError, CrashedError
from generation.generate import Outcome
from generation.model_process import ModelProcess

LOG = logging.getLogger("toprank.generation")
MOST_CRASHES = 3


class BusyError(Exception):
    """Another process is at the same work, or what it needs is away for now."""


def until_done(
    attempt: Callable[[], Outcome], *, what: str, after_crash: Callable[[CrashedError], None] = lambda _: None
) -> Outcome:
    """The outcome of the first attempt whose child, "the process that `what`", does not crash.

    Raises BusyError, the last of three CrashedErrors, and whatever else an attempt raises.
    """
    crashes = 0
    while True:
        try:
            outcome = attempt()
        except CrashedError as error:
            crashes += 1
            LOG.warning("The process that %s %s.", what, error)
            if crashes == MOST_CRASHES:
                raise
            after_crash(error)
            time.sleep(crashes)
            continue
        if outcome is Outcome.BUSY:
            raise BusyError
        return outcome


def run_alone(
    context: JobContext, module: str, order: Mapping[str, object], *, what: str, note_crashes: Callable[[str], None]
) -> None:
    """The whole of a job whose order goes to a process of its own, "that `what`", and that marks its end itself."""
    models: ModelProcess = context.additional_context["models"]
    try:
        until_done(lambda: models.alone(module, order, context.should_abort), what=what)
    except AbortedError:
        raise JobAborted from None
    except CrashedError as crash:
        note_crashes(
            f"The process that {what} {crash}, {MOST_CRASHES} times: most often it needs more memory than there is."
        )


@contextmanager
def session_on(database_url: str) -> Iterator[Session]:
    """A session on a connection of its own, for a note between two attempts."""
    engine = make_engine(database_url, pool_size=1)
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()
