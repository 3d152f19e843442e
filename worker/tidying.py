"""The store is tidied every hour, by whichever worker shares it."""

import logging
from datetime import timedelta

from procrastinate import Blueprint, JobContext
from sqlalchemy.orm import Session

from app.db import make_engine
from app.domain.store import Store
from app.settings import Settings
from worker.upkeep import UPKEEP_QUEUE

LOG = logging.getLogger("toprank.worker")
HOURLY = "17 * * * *"

tasks = Blueprint()


@tasks.periodic(cron=HOURLY)
@tasks.task(name="tidy_store", pass_context=True, queue=UPKEEP_QUEUE)
def tidy_store(context: JobContext, timestamp: int) -> None:  # noqa: ARG001
    """Remove uploads that nobody goes on with; nothing on a machine that has no part of the store."""
    from app.checkpoints.janitor import tidy

    settings = Settings()
    store = Store(settings.store_dir)
    if not store.uploads.is_dir():
        return
    engine = make_engine(context.additional_context["orders"]["database_url"], pool_size=1)
    try:
        with Session(engine) as session:
            tidied = tidy(session, store, untouched_for=timedelta(hours=settings.upload_abandoned_hours))
    finally:
        engine.dispose()
    if tidied.uploads or tidied.folders:
        LOG.info("Removed %d abandoned uploads and %d folders of the store.", tidied.uploads, tidied.folders)
