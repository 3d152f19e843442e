"""A crowd on a whole study over HTTP, until it is done: no error, nothing over quota, nothing double, nothing lost."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr
from scipy.stats import binomtest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.form_tokens import form_token
from app.models import Annotation, Assignment, Comparison
from app.settings import Settings
from benchmarks.http_client import Connection, claim_in
from benchmarks.pool import make_pool
from benchmarks.served import SECRET, served

VERDICTS = ("first", "second", "equal")
QUOTA = 3
COMPLETE = b'data-standing="complete"'


@dataclass
class Judge:
    """One annotator's connection; every answer that is not 200 raises."""

    connection: Connection
    acknowledged: list[str] = field(default_factory=list)

    async def judge(self, study: str) -> None:
        """Judge whatever comes until the study is complete; what others hold may still come back."""
        while COMPLETE not in (page := await self.connection.get(f"/annotate?study={study}")):
            claim = claim_in(page)
            while claim is not None:
                sent = {"claim": claim, "verdict": VERDICTS[len(self.acknowledged) % 3], "duration_ms": "1"}
                following = claim_in(await self.connection.post("/annotate", sent))
                self.acknowledged.append(claim)
                claim = following
            await asyncio.sleep(0.2)


async def judge_together(port: int, tokens: list[str], study: str) -> list[Judge]:
    judges = [
        Judge(await Connection.open(port, cookie=token, form_token=form_token(SECRET.encode(), token)))
        for token in tokens
    ]
    await asyncio.gather(*(judge.judge(study) for judge in judges))
    for judge in judges:
        judge.connection.close()
    return judges


@pytest.mark.parametrize(("comparisons", "annotators"), [(200, 16), pytest.param(20_000, 64, marks=pytest.mark.soak)])
def test_a_crowd_finishes_the_study_exactly(
    engine: Engine, database_url: str, comparisons: int, annotators: int
) -> None:
    settings = Settings(database_url=database_url, secret_key=SecretStr(SECRET), secure_cookies=False)
    pool = make_pool(engine, settings, comparisons=comparisons, annotators=annotators)
    with served(database_url, processes=2) as server:
        judges = asyncio.run(judge_together(server.port, pool.tokens, pool.slug))
    acknowledged = {claim for judge in judges for claim in judge.acknowledged}
    with Session(engine) as session:
        stored = select(Assignment.claim).join(Annotation, Annotation.assignment_id == Assignment.id)
        assert {str(claim) for claim in session.scalars(stored)} == acknowledged
        assert len(acknowledged) == sum(len(judge.acknowledged) for judge in judges) == comparisons * QUOTA
        each = (
            select(func.count(Annotation.id)).where(Annotation.status == "counted").group_by(Annotation.comparison_id)
        )
        assert Counter(session.scalars(each)) == {QUOTA: comparisons}
        full = select(Comparison.taken, Comparison.answered).distinct()
        assert [tuple(row) for row in session.execute(full)] == [(QUOTA, QUOTA)]
        pairs = select(func.count(Annotation.id)).group_by(Annotation.annotator_id, Annotation.comparison_id)
        assert session.scalar(pairs.order_by(func.count().desc()).limit(1)) == 1
        passages = select(func.count(Assignment.id)).group_by(Assignment.annotator_id, Assignment.passage_id)
        assert session.scalar(passages.order_by(func.count().desc()).limit(1)) == 1
        orders = session.scalars(select(Assignment.candidate_first)).all()
        assert binomtest(sum(orders), len(orders)).pvalue > 0.001
