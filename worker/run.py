"""Run a worker until it is told to stop: one job at a time of those that need a model, and upkeep beside it."""

import asyncio
import os
import signal
import threading
from contextlib import closing, suppress

import psycopg
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition

from app.domain.tidying import Retention
from app.errors import UnavailableError
from app.queue import MODELS_QUEUE
from generation.model_process import ModelProcess
from worker.app import app, connector
from worker.upkeep import STALLED_AFTER_S, UPKEEP_QUEUE

HEARTBEAT_S = 10
# A batch that is nearly there may finish; any other is abandoned and written again later.
PATIENCE_S = 2
# A worker that lost its database would wait for it before it ends, so it ends anyway: nothing is lost by that.
GIVE_UP_S = 10
LOST = (
    "The worker lost its database and stops; what it was doing is done again by the next. "
    "Check DATABASE_URL, or run `toprank db status`."
)


def run_worker(database_url: str, *, first_batch: int, batch: int, retention: Retention | None = None) -> None:
    """Take jobs until SIGINT or SIGTERM comes. Raises UnavailableError when the database is lost."""
    orders = {"database_url": database_url, "first_batch": first_batch, "batch": batch}
    with app.replace_connector(connector(database_url)) as connected, closing(ModelProcess()) as models:
        context = {"orders": orders, "retention": retention or Retention(), "models": models}
        try:
            asyncio.run(_run(connected, context))
        except (ConnectorException, psycopg.OperationalError) as error:
            raise UnavailableError(LOST) from error


async def _run(app: App, context: dict[str, object]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, _stop, stop)
    async with app.open_async():
        queues = [
            asyncio.create_task(_serve(app, queue, context), name=f"queue {queue}")
            for queue in (MODELS_QUEUE, UPKEEP_QUEUE)
        ]
        told = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait([*queues, told], return_when=asyncio.FIRST_COMPLETED)
        for task in (*queues, told):
            task.cancel()
        for task in queues:
            with suppress(asyncio.CancelledError):
                await task


def _stop(stop: asyncio.Event) -> None:
    stop.set()
    giving_up = threading.Timer(GIVE_UP_S, os._exit, args=(1,))
    giving_up.daemon = True
    giving_up.start()


async def _serve(app: App, queue: str, context: dict[str, object]) -> None:
    await app.run_worker_async(
        queues=[queue],
        name=queue,
        concurrency=1,
        additional_context=context,
        install_signal_handlers=False,
        delete_jobs=DeleteJobCondition.SUCCESSFUL,
        update_heartbeat_interval=HEARTBEAT_S,
        stalled_worker_timeout=STALLED_AFTER_S,
        shutdown_graceful_timeout=PATIENCE_S,
    )
