"""The jobs of this package; the worker adds them to its App."""

import logging
import time

from procrastinate import BaseRetryStrategy, Blueprint, JobContext, RetryDecision
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job
from sqlalchemy.orm import Session

from app.db import make_engine
from app.models.system import GenerationState
from app.queue import MODELS_QUEUE
from generation.child import AbortedError, CrashedError, generate_in_child
from generation.generate import Order, Outcome, mark

LOG = logging.getLogger("toprank.generation")
MOST_CRASHES = 3
BUSY_S = 10

tasks = Blueprint()


class BusyError(Exception):
    """Another process is writing for this system."""


class LaterOn(BaseRetryStrategy):
    """Back to the queue: at once when the worker stops, a little later when another is still at it."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        """None for every other end of a job."""
        if isinstance(exception, JobAborted):
            return RetryDecision()
        if isinstance(exception, BusyError):
            return RetryDecision(retry_in={"seconds": BUSY_S})
        return None


@tasks.task(name="generate", pass_context=True, queue=MODELS_QUEUE, retry=LaterOn())
def generate(context: JobContext, *, system_id: int, engine: str = "transformers") -> None:
    """Write what a system lacks; repeated, it finds nothing to do."""
    order = Order(system_id=system_id, engine=engine, **context.additional_context["orders"])
    for crash in range(1, MOST_CRASHES + 1):
        try:
            outcome = generate_in_child(order, context.should_abort)
        except AbortedError:
            _mark(order, GenerationState.QUEUED)
            raise JobAborted from None
        except CrashedError as error:
            LOG.warning("The process that generates for system %d %s.", system_id, error)
            last_crash = error
            time.sleep(crash)
            continue
        if outcome is Outcome.BUSY:
            raise BusyError
        return
    _mark(
        order,
        GenerationState.FAILED,
        reason=f"The process that runs the model {last_crash}, {MOST_CRASHES} times: most often it needs more memory "
        "than there is. See the worker's log, set TOPRANK_GENERATION_BATCH lower, then generate again.",
    )


def _mark(order: Order, state: GenerationState, *, reason: str | None = None) -> None:
    engine = make_engine(order.database_url, pool_size=1)
    try:
        with Session(engine) as session:
            mark(session, order.system_id, state, reason=reason)
    finally:
        engine.dispose()
