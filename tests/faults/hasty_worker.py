"""A worker as `toprank worker` runs it, but missed after two seconds, so that tests need not wait for thirty."""

import os

from worker import run, upkeep

if __name__ == "__main__":
    run.HEARTBEAT_S = 1
    run.STALLED_AFTER_S = upkeep.STALLED_AFTER_S = 2
    run.run_worker(os.environ["DATABASE_URL"], first_batch=1, batch=2)
