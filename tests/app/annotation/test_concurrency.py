"""Many annotators at once over real HTTP on a real Postgres, until the pool is dry."""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.models import Annotation, Assignment, Comparison
from tests.factories import make_person, make_pool
from tests.serving import AnnotatorClient, log_in, serve, settings_for

VERDICTS = ("first", "second", "equal")


async def judge_until_dry(client: AnnotatorClient, study: str) -> None:
    """Judge whatever comes; when nothing does, look again a few times, since others may give something back."""
    chance = random.Random(client.token)
    for _ in range(5):
        claim = await client.open(study)
        while claim is not None:
            claim = await client.judge(claim, chance.choice(VERDICTS))
        await asyncio.sleep(0.1)


async def judge_together(clients: list[AnnotatorClient], study: str) -> None:
    async with AsyncExitStack() as stack:
        for client in clients:
            await stack.enter_async_context(client)
        await asyncio.gather(*(judge_until_dry(client, study) for client in clients))


async def open_together(clients: list[AnnotatorClient], study: str, *, times: int = 1) -> list[str | None]:
    async with AsyncExitStack() as stack:
        for client in clients:
            await stack.enter_async_context(client)
        return [
            claim for _ in range(times) for claim in await asyncio.gather(*(client.open(study) for client in clients))
        ]


def test_thirty_two_annotators_drain_the_pool_exactly(engine: Engine, database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path)
    with Session(engine) as session:
        study = make_pool(session, passages=100, systems=2, quota=3)
        tokens = [log_in(session, make_person(session), settings) for _ in range(32)]
        session.commit()
        slug = study.slug
    with serve(settings) as address:
        clients = [AnnotatorClient(address, token) for token in tokens]
        asyncio.run(judge_together(clients, slug))
    with Session(engine) as session:
        annotations = session.scalars(select(Annotation)).all()
        # 200 comparisons x 3 annotators
        assert Counter(row.comparison_id for row in annotations) == Counter(
            dict.fromkeys(session.scalars(select(Comparison.id)), 3)
        )
        assert max(Counter((row.comparison_id, row.annotator_id) for row in annotations).values()) == 1
        assert {row.status for row in annotations} == {"counted"}
        assert sum(len(client.acknowledged) for client in clients) == len(annotations) == 600


def test_fifty_reloads_in_five_tabs_show_one_comparison(engine: Engine, database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path)
    with Session(engine) as session:
        study = make_pool(session, passages=50)
        token = log_in(session, make_person(session), settings)
        session.commit()
        slug = study.slug

    with serve(settings) as address:
        tabs = [AnnotatorClient(address, token) for _ in range(5)]
        shown = asyncio.run(open_together(tabs, slug, times=10))
    assert len(set(shown)) == 1
    with Session(engine) as session:
        assert len(session.scalars(select(Assignment)).all()) == 2


def test_a_hundred_and_twenty_eight_requests_at_once_all_succeed(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    settings = settings_for(database_url, tmp_path)
    with Session(engine) as session:
        study = make_pool(session, passages=200)
        tokens = [log_in(session, make_person(session), settings) for _ in range(128)]
        session.commit()
        slug = study.slug

    with serve(settings) as address:
        claims = asyncio.run(open_together([AnnotatorClient(address, token) for token in tokens], slug))
    assert None not in claims
    assert len(set(claims)) == 128
