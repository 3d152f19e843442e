"""The procrastinate App with its tasks, on the same tables that app.queue defers to."""

from procrastinate import App, PsycopgConnector
from sqlalchemy import make_url

from app.queue import SCHEMA
from generation.tasks import tasks as generation
from generation.validation_tasks import tasks as validation
from hyperfitting.tasks import tasks as hyperfitting
from worker.closing import tasks as closing
from worker.measuring import tasks as analysis
from worker.tidying import tasks as tidying
from worker.upkeep import tasks as upkeep

CONNECTIONS = 6
# How long a worker waits for its database, as when that is started again, before it ends.
WAIT_S = 30

# Not on any database yet: `connector` says on which, for as long as a worker runs.
app = App(connector=PsycopgConnector())
app.add_tasks_from(generation, namespace="generation")
app.add_tasks_from(validation, namespace="validation")
app.add_tasks_from(hyperfitting, namespace="hyperfitting")
app.add_tasks_from(analysis, namespace="analysis")
app.add_tasks_from(upkeep, namespace="worker")
app.add_tasks_from(tidying, namespace="worker")
app.add_tasks_from(closing, namespace="worker")


def connector(database_url: str) -> PsycopgConnector:
    """Connections that find procrastinate's tables, which it names without their schema."""
    conninfo = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    return PsycopgConnector(
        conninfo=conninfo,
        kwargs={"options": f"-c search_path={SCHEMA}", "application_name": "toprank worker"},
        min_size=1,
        max_size=CONNECTIONS,
        timeout=WAIT_S,
    )
