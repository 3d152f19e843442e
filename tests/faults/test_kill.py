"""Whatever is killed or stopped while people annotate: what was acknowledged is there, once, and nothing else is."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from app.db import make_engine
from app.models import Annotation, Assignment, Comparison
from app.settings import Settings
from benchmarks.pool import Pool, make_pool
from tests.faults.house import House
from tests.faults.writers import Writer
from tests.serving import SECRET

log = logging.getLogger(__name__)
pytestmark = pytest.mark.faults

# What happens to the house, and how often.
SMALL = {"kill_postmaster": 1, "kill_backend": 1, "kill_web_process": 1, "kill_worker": 1}
FULL = dict.fromkeys(SMALL, 5)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house")
    house.start()
    yield house
    house.close()


@pytest.fixture
def engine(house: House) -> Iterator[Engine]:
    engine = make_engine(house.url)
    yield engine
    engine.dispose()


def pool_of(engine: Engine, house: House, writers: int) -> Pool:
    settings = Settings(database_url=house.url, secret_key=SecretStr(SECRET), secure_cookies=False)
    return make_pool(engine, settings, comparisons=20_000, annotators=writers)


async def judge_while(house: House, pool: Pool, faults: dict[str, int], *, pause_s: float) -> list[Writer]:
    """Everybody judges; in turn something happens; then everybody gets their last answer acknowledged and stops."""
    async with AsyncExitStack() as stack:
        writers = [await stack.enter_async_context(Writer(house.address, token)) for token in pool.tokens]
        stop = asyncio.Event()
        working = [asyncio.create_task(writer.work(pool.slug, stop)) for writer in writers]
        for _ in range(max(faults.values())):
            for fault in faults:
                await asyncio.sleep(pause_s)
                await asyncio.to_thread(getattr(house, fault))
        await asyncio.sleep(pause_s)
        stop.set()
        async with asyncio.timeout(120):
            await asyncio.gather(*working)
    return writers


def check_agreement(engine: Engine, writers: list[Writer]) -> int:
    """What writers were told and what the tables hold are the same; returns how many answers that is."""
    said = {claim: verdict for writer in writers for claim, verdict in writer.said.items()}
    with Session(engine) as session:
        current = select(Assignment.claim, Annotation.verdict_shown).join(
            Assignment, Assignment.id == Annotation.assignment_id
        )
        rows = session.execute(current.where(Annotation.status == "counted")).all()
        assert len(rows) == len(said)
        assert {str(claim): str(verdict) for claim, verdict in rows} == said
        assert set(session.scalars(select(Annotation.status).distinct())) <= {"counted", "superseded"}
        check_slots(session)
    return len(said)


def check_slots(session: Session) -> None:
    """Every comparison's counters are what its assignments and annotations add up to."""
    taken = Counter(session.scalars(select(Assignment.comparison_id).where(Assignment.slot.is_not(None))))
    counted = Counter(session.scalars(select(Annotation.comparison_id).where(Annotation.status == "counted")))
    used = session.execute(
        select(Comparison.id, Comparison.taken, Comparison.answered).where(Comparison.taken > 0)
    ).all()
    assert {row.id: row.taken for row in used} == taken
    assert {row.id: row.answered for row in used if row.answered} == counted
    twice = "SELECT count(*) FROM (SELECT FROM annotation WHERE status = 'counted' GROUP BY comparison_id, annotator_id"
    assert session.scalar(text(f"{twice} HAVING count(*) > 1) AS doubled")) == 0


def test_a_kill_of_each_kind_loses_and_doubles_nothing(house: House, engine: Engine) -> None:
    pool = pool_of(engine, house, 4)
    writers = asyncio.run(judge_while(house, pool, SMALL, pause_s=1.5))
    assert check_agreement(engine, writers) > 20
    assert sum(writer.failures for writer in writers) > 0


def test_web_processes_that_are_told_to_stop_lose_and_double_nothing(house: House, engine: Engine) -> None:
    pool = pool_of(engine, house, 4)
    writers = asyncio.run(judge_while(house, pool, {"restart_web_app": 2}, pause_s=1.5))
    assert check_agreement(engine, writers) > 20


@pytest.mark.soak
def test_five_kills_of_each_kind_under_sixteen_writers_lose_and_double_nothing(house: House, engine: Engine) -> None:
    pool = pool_of(engine, house, 16)
    writers = asyncio.run(judge_while(house, pool, FULL, pause_s=3))
    answers, failures = check_agreement(engine, writers), sum(writer.failures for writer in writers)
    log.info("%s answers acknowledged and stored; %s requests failed", answers, failures)
    assert answers > 500
    assert failures > 0
