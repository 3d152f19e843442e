"""The jobs of this package; the worker adds them to its App."""

from functools import partial

from procrastinate import Blueprint, JobContext

from app.domain.hyperfitting import fail_training
from app.queue import MODELS_QUEUE
from generation.attempts import run_alone, session_on
from generation.tasks import LaterOn

ADVICE = "See the worker's log, choose gradient checkpointing or more accumulation, then train again."

tasks = Blueprint()


@tasks.task(name="hyperfit", pass_context=True, queue=MODELS_QUEUE, retry=LaterOn())
def hyperfit(context: JobContext, *, checkpoint_id: int) -> None:
    """Train a checkpoint; stopped at any moment, it goes on from its last saved state."""
    database_url = context.additional_context["orders"]["database_url"]
    run_alone(
        context,
        "hyperfitting.child",
        {"database_url": database_url, "checkpoint_id": checkpoint_id},  # a HyperfitOrder, whose module loads torch
        what=f"trains checkpoint {checkpoint_id}",
        note_crashes=partial(_fail, database_url, checkpoint_id),
    )


def _fail(database_url: str, checkpoint_id: int, reason: str) -> None:
    with session_on(database_url) as session:
        fail_training(session, checkpoint_id, f"{reason} {ADVICE}")
        session.commit()
