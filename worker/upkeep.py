"""Jobs whose worker stopped go back to the queue; any worker notices, however busy it is with a job of its own."""

import logging

from procrastinate import Blueprint, JobContext
from procrastinate.exceptions import ConnectorException

LOG = logging.getLogger("toprank.worker")
UPKEEP_QUEUE = "upkeep"
STALLED_AFTER_S = 30
EVERY_10_S = "* * * * * */10"

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
