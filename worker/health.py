"""Whether a worker is at work: `python -m worker.health` ends with 0 where one was heard of lately.

A worker that loses its database ends by itself; this finds one that hangs. Of several, it answers for the liveliest.
"""

import sys

from sqlalchemy import Engine, text

from app.db import make_engine
from app.queue import SCHEMA
from cli.connection import database_url

SILENT_S = 60  # six heartbeats
_HEARD = text(
    f"SELECT EXISTS (SELECT FROM {SCHEMA}.procrastinate_workers"
    " WHERE last_heartbeat > now() - make_interval(secs => :seconds))"
)


def is_worker_alive(engine: Engine) -> bool:
    """Whether a worker's heartbeat is younger than a minute."""
    with engine.connect() as connection:
        return bool(connection.execute(_HEARD, {"seconds": SILENT_S}).scalar_one())


def main() -> None:
    """Entry of the container's health check."""
    engine = make_engine(database_url(None), pool_size=1)
    try:
        sys.exit(0 if is_worker_alive(engine) else 1)
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
