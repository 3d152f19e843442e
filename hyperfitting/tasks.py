"""The jobs of this package; the worker adds them to its App."""

import logging
import time

from procrastinate import Blueprint, JobContext
from procrastinate.exceptions import JobAborted
from sqlalchemy.orm import Session

from app.db import make_engine
from app.domain.hyperfitting import fail_training
from app.queue import MODELS_QUEUE
from generation.child import AbortedError, CrashedError, run_child
from generation.generate import Outcome
from generation.tasks import BusyError, LaterOn

LOG = logging.getLogger("toprank.hyperfitting")
MOST_CRASHES = 3

tasks = Blueprint()


@tasks.task(name="hyperfit", pass_context=True, queue=MODELS_QUEUE, retry=LaterOn())
def hyperfit(context: JobContext, *, checkpoint_id: int) -> None:
    """Train a checkpoint; stopped at any moment, it goes on from its last saved state."""
    database_url = context.additional_context["orders"]["database_url"]
    order = {"database_url": database_url, "checkpoint_id": checkpoint_id}  # a HyperfitOrder, whose module loads torch
    for crash in range(1, MOST_CRASHES + 1):
        try:
            outcome = run_child("hyperfitting.child", order, context.should_abort)
        except AbortedError:
            raise JobAborted from None
        except CrashedError as error:
            LOG.warning("The process that trains checkpoint %d %s.", checkpoint_id, error)
            last_crash = error
            time.sleep(crash)
            continue
        if outcome is Outcome.BUSY:
            raise BusyError
        return
    _fail(
        database_url,
        checkpoint_id,
        f"The process that trains {last_crash}, {MOST_CRASHES} times: most often it needs more memory than there is. "
        "See the worker's log, choose gradient checkpointing or more accumulation, then train again.",
    )


def _fail(database_url: str, checkpoint_id: int, reason: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    try:
        with Session(engine) as session:
            fail_training(session, checkpoint_id, reason)
            session.commit()
    finally:
        engine.dispose()
