"""The jobs of this package; the worker adds them to its App."""

from procrastinate import Blueprint, JobContext
from procrastinate.exceptions import JobAborted

from app.domain.hyperfitting import fail_training
from app.queue import MODELS_QUEUE
from generation.attempts import MOST_CRASHES, session_on, until_done
from generation.child import AbortedError, CrashedError, run_child
from generation.tasks import LaterOn

tasks = Blueprint()


@tasks.task(name="hyperfit", pass_context=True, queue=MODELS_QUEUE, retry=LaterOn())
def hyperfit(context: JobContext, *, checkpoint_id: int) -> None:
    """Train a checkpoint; stopped at any moment, it goes on from its last saved state."""
    database_url = context.additional_context["orders"]["database_url"]
    order = {"database_url": database_url, "checkpoint_id": checkpoint_id}  # a HyperfitOrder, whose module loads torch
    try:
        until_done(
            lambda: run_child("hyperfitting.child", order, context.should_abort),
            what=f"trains checkpoint {checkpoint_id}",
        )
    except AbortedError:
        raise JobAborted from None
    except CrashedError as crash:
        _fail(
            database_url,
            checkpoint_id,
            f"The process that trains {crash}, {MOST_CRASHES} times: most often it needs more memory than there is. "
            "See the worker's log, choose gradient checkpointing or more accumulation, then train again.",
        )


def _fail(database_url: str, checkpoint_id: int, reason: str) -> None:
    with session_on(database_url) as session:
        fail_training(session, checkpoint_id, reason)
        session.commit()
