"""The job that tries an uploaded checkpoint, in a child process, which is the first to open it."""

from functools import partial

from procrastinate import Blueprint, JobContext

from app.domain.registry import fail_validation
from app.models import Checkpoint
from app.models.checkpoint import CheckpointState
from app.queue import MODELS_QUEUE
from generation.attempts import run_alone, session_on
from generation.tasks import LaterOn

tasks = Blueprint()


@tasks.task(name="validate", pass_context=True, queue=MODELS_QUEUE, retry=LaterOn())
def validate(context: JobContext, *, checkpoint_id: int) -> None:
    """Try an uploaded checkpoint; repeated, it finds nothing to do."""
    database_url = context.additional_context["orders"]["database_url"]
    run_alone(
        context,
        "generation.validating",
        {"database_url": database_url, "checkpoint_id": checkpoint_id},
        what=f"tries checkpoint {checkpoint_id}",
        note_crashes=partial(_fail, database_url, checkpoint_id),
    )


def _fail(database_url: str, checkpoint_id: int, reason: str) -> None:
    with session_on(database_url) as session:
        checkpoint = session.get(Checkpoint, checkpoint_id)
        if checkpoint is not None and checkpoint.state is CheckpointState.VALIDATING:
            fail_validation(checkpoint, f"{reason} Start a worker on a larger machine, then try it again.")
        session.commit()
