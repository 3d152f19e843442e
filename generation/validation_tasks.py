"""The job that tries an uploaded checkpoint, in a child process, which is the first to open it."""

import logging
import time

from procrastinate import Blueprint, JobContext
from procrastinate.exceptions import JobAborted
from sqlalchemy.orm import Session

from app.db import make_engine
from app.domain.registry import fail_validation
from app.models import Checkpoint
from app.models.checkpoint import CheckpointState
from app.queue import MODELS_QUEUE
from generation.child import AbortedError, CrashedError, run_child
from generation.generate import Outcome
from generation.tasks import BusyError, LaterOn

LOG = logging.getLogger("toprank.generation")
MOST_CRASHES = 3

tasks = Blueprint()


@tasks.task(name="validate", pass_context=True, queue=MODELS_QUEUE, retry=LaterOn())
def validate(context: JobContext, *, checkpoint_id: int) -> None:
    """Try an uploaded checkpoint; repeated, it finds nothing to do."""
    database_url = context.additional_context["orders"]["database_url"]
    order = {"database_url": database_url, "checkpoint_id": checkpoint_id}
    for crash in range(1, MOST_CRASHES + 1):
        try:
            outcome = run_child("generation.validating", order, context.should_abort)
        except AbortedError:
            raise JobAborted from None
        except CrashedError as error:
            LOG.warning("The process that tries checkpoint %d %s.", checkpoint_id, error)
            last_crash = error
            time.sleep(crash)
            continue
        if outcome is Outcome.BUSY:
            raise BusyError
        return
    _fail(
        database_url,
        checkpoint_id,
        f"The process that tries it {last_crash}, {MOST_CRASHES} times: most often it needs more memory than there is. "
        "Start a worker on a larger machine, then try it again.",
    )


def _fail(database_url: str, checkpoint_id: int, reason: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    try:
        with Session(engine) as session:
            checkpoint = session.get(Checkpoint, checkpoint_id)
            if checkpoint is not None and checkpoint.state is CheckpointState.VALIDATING:
                fail_validation(checkpoint, reason)
            session.commit()
    finally:
        engine.dispose()
