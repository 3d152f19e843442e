"""The jobs of this package; the worker adds them to its App."""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import TypeAlias

from procrastinate import BaseRetryStrategy, Blueprint, JobContext, RetryDecision
from procrastinate.exceptions import JobAborted
from procrastinate.job_context import AbortReason
from procrastinate.jobs import Job

from app.domain.scoring_queue import queue_scoring_by
from app.models import System
from app.models.system import GenerationState
from app.queue import MODELS_QUEUE
from generation.attempts import MOST_CRASHES, BusyError, session_on, until_done
from generation.child import AbortedError, CrashedError
from generation.downstream.evaluation import DownstreamOrder, mark_run
from generation.generate import Order, Outcome, mark
from generation.model_process import ModelProcess
from generation.scoring import ScoringOrder, mark_scoring

BUSY_S = 10
AnyOrder: TypeAlias = Order | ScoringOrder | DownstreamOrder

tasks = Blueprint()


class LaterOn(BaseRetryStrategy):
    """Back to the queue: at once when the worker stops, a little later when another is at it or somebody is away."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        """None for every other end of a job."""
        if isinstance(exception, JobAborted):
            return RetryDecision()
        if isinstance(exception, BusyError):
            return RetryDecision(retry_in={"seconds": BUSY_S})
        return None


@tasks.task(name="generate", pass_context=True, queue=MODELS_QUEUE, retry=LaterOn())
def generate(context: JobContext, *, system_id: int, engine: str = "auto") -> None:
    """Write what a system lacks; repeated, it finds nothing to do. Then its checkpoint's scores are due."""
    order = Order(system_id=system_id, engine=engine, **context.additional_context["orders"])
    if _work(order, context, partial(mark, system_id=system_id)) is Outcome.DONE:
        with session_on(order.database_url) as session:
            system = session.get(System, system_id)
            if system is not None:
                queue_scoring_by(session, system.study_id, system.checkpoint_id)
                session.commit()


@tasks.task(name="score", pass_context=True, queue=MODELS_QUEUE, retry=LaterOn())
def score(context: JobContext, *, study_id: int, checkpoint_id: int) -> None:
    """Score what a checkpoint has not read; repeated, it finds nothing to do."""
    orders = context.additional_context["orders"]
    order = ScoringOrder(orders["database_url"], study_id, checkpoint_id, orders["batch"])
    _work(order, context, partial(mark_scoring, order=order))


@tasks.task(name="downstream", pass_context=True, queue=MODELS_QUEUE, retry=LaterOn())
def downstream(context: JobContext, *, run_id: int) -> None:
    """Evaluate what a run lacks; repeated, it evaluates again only what failed."""
    orders = context.additional_context["orders"]
    order = DownstreamOrder(orders["database_url"], run_id, orders["batch"])
    _work(order, context, partial(mark_run, run_id=run_id))


def _work(order: AnyOrder, context: JobContext, mark_state: Callable[..., None]) -> Outcome:
    """Carry out an order; a child that is killed, as for want of memory, is tried again with batches half as large."""

    def note(state: GenerationState, **rest: object) -> None:
        with session_on(order.database_url) as session:
            mark_state(session, state=state, **rest)

    def halve_if_killed(crash: CrashedError) -> None:
        nonlocal order
        order = _with_half_the_batch(order) if crash.was_killed else order

    try:
        return until_done(
            lambda: _attempt(order, context),
            what=f"runs the model for job {context.job.id}",
            after_crash=halve_if_killed,
        )
    except AbortedError:
        is_wanted_back = context.abort_reason() is AbortReason.SHUTDOWN
        # The child may have been done just before it was told to stop.
        note(GenerationState.QUEUED if is_wanted_back else GenerationState.IDLE, unless_done=True)
        raise JobAborted from None
    except CrashedError as crash:
        note(
            GenerationState.FAILED,
            reason=f"The process that runs the model {crash}, {MOST_CRASHES} times: most often it needs more memory "
            "than there is. See the worker's log, set TOPRANK_GENERATION_BATCH lower, then try again.",
        )
        return Outcome.FAILED


def _attempt(order: AnyOrder, context: JobContext) -> Outcome:
    models: ModelProcess = context.additional_context["models"]
    if isinstance(order, DownstreamOrder):
        return models.alone("generation.downstream.evaluation", asdict(order), context.should_abort)
    return models.work(order, context.should_abort)


def _with_half_the_batch(order: AnyOrder) -> AnyOrder:
    batch = max(1, order.batch // 2)
    if isinstance(order, Order):
        return replace(order, batch=batch, first_batch=min(batch, order.first_batch))
    return replace(order, batch=batch)
