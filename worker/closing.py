"""Studies that reach their stopping rule are closed within seconds, by whichever worker looks first."""

import logging

from procrastinate import Blueprint, JobContext
from sqlalchemy.orm import Session

from app.db import make_engine
from app.domain.closing import close_what_is_to_stop, rule_in_words
from worker.upkeep import EVERY_10_S, UPKEEP_QUEUE

LOG = logging.getLogger("toprank.worker")

tasks = Blueprint()


@tasks.periodic(cron=EVERY_10_S)
@tasks.task(name="close_studies", pass_context=True, queue=UPKEEP_QUEUE)
def close_studies(context: JobContext, timestamp: int) -> None:  # noqa: ARG001
    """Close the studies that their protocol stops at a date or after a number of annotations."""
    engine = make_engine(context.additional_context["orders"]["database_url"], pool_size=1, program="toprank upkeep")
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            for study in close_what_is_to_stop(session):
                LOG.info("Closed the study %s: its protocol stops it %s.", study.slug, rule_in_words(study))
    finally:
        engine.dispose()
