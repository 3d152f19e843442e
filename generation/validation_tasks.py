"""The job that tries an uploaded checkpoint, in a child process, which is the first to open it."""

from procrastinate import Blueprint, JobContext
from procrastinate.exceptions import JobAborted

from app.domain.registry import fail_validation
from app.models import Checkpoint
from app.models.checkpoint import CheckpointState
from app.queue import MODELS_QUEUE
from generation.attempts import MOST_CRASHES, session_on, until_done
from generation.child import AbortedError, CrashedError, run_child
from generation.tasks import LaterOn

tasks = Blueprint()


@tasks.task(name="validate", pass_context=True, queue=MODELS_QUEUE, retry=LaterOn())
def validate(context: JobContext, *, checkpoint_id: int) -> None:
    """Try an uploaded checkpoint; repeated, it finds nothing to do."""
    database_url = context.additional_context["orders"]["database_url"]
    order = {"database_url": database_url, "checkpoint_id": checkpoint_id}
    try:
        until_done(
            lambda: run_child("generation.validating", order, context.should_abort),
            what=f"tries checkpoint {checkpoint_id}",
        )
    except AbortedError:
        raise JobAborted from None
    except CrashedError as crash:
        _fail(
            database_url,
            checkpoint_id,
            f"The process that tries it {crash}, {MOST_CRASHES} times: most often it needs more memory than there is. "
            "Start a worker on a larger machine, then try it again.",
        )


def _fail(database_url: str, checkpoint_id: int, reason: str) -> None:
    with session_on(database_url) as session:
        checkpoint = session.get(Checkpoint, checkpoint_id)
        if checkpoint is not None and checkpoint.state is CheckpointState.VALIDATING:
            fail_validation(checkpoint, reason)
        session.commit()
