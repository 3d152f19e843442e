"""Jobs whose worker stopped go back to the queue; any worker notices, however busy it is with a job of its own."""

import logging

from procrastinate import Blueprint, JobContext
from procrastinate.exceptions import ConnectorException
from sqlalchemy.orm import Session

from app.db import make_engine
from app.domain.tidying import tidy

LOG = logging.getLogger("toprank.worker")
UPKEEP_QUEUE = "upkeep"
STALLED_AFTER_S = 30
EVERY_10_S = "* * * * * */10"

EVERY_NIGHT = "17 3 * * *"

tasks = Blueprint()


@tasks.periodic(cron=EVERY_10_S)
@tasks.task(name="retry_stalled", pass_context=True, queue=UPKEEP_QUEUE)
async def retry_stalled(context: JobContext, timestamp: int) -> None:  # noqa: ARG001
    """Queue the jobs again whose worker has not been heard of for 30 seconds."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S):
        if job.queue == UPKEEP_QUEUE:
            continue
        try:
            await manager.retry_job(job)
        except ConnectorException:
            LOG.info("Another worker was faster to queue job %s again.", job.id)
        else:
            LOG.warning("The worker of job %s (%s) stopped; it is queued again.", job.id, job.call_string)


@tasks.periodic(cron=EVERY_NIGHT)
@tasks.task(name="tidy", pass_context=True, queue=UPKEEP_QUEUE)
def tidy_up(context: JobContext, timestamp: int) -> None:  # noqa: ARG001
    """Delete what is too old by the settings that this worker was started with."""
    url = context.additional_context["orders"]["database_url"]
    engine = make_engine(url, pool_size=1, program="toprank upkeep")
    try:
        with Session(engine) as session, session.begin():
            tidy(session, context.additional_context["retention"])
    finally:
        engine.dispose()
