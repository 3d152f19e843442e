"""The statements of a judgement straight from psycopg: what the database alone costs, and so the floor of ours."""

import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row

from app.annotation import claims, drawing, leases, page, verdicts
from app.domain.annotator_lock import ANNOTATOR_LOCKS
from benchmarks.cpu import tree_cpu_seconds
from benchmarks.measured import Measured, percentiles
from benchmarks.pool import Pool

Connection = psycopg.Connection[dict[str, Any]]
EQUAL = {
    "verdict_shown": "equal",
    "verdict": "equal",
    "status": "counted",
    "supersedes": None,
    "guidelines_version": 1,
    "duration_ms": 1,
}


CYCLE = {
    "lock": leases._LOCK_CLAIM.sql,
    "mine": verdicts._MINE.sql,
    "answer": verdicts._ANSWER.sql,
    "held": claims._HELD.sql,
    "draw": drawing._OF_FEW.sql,
    "lease": claims._LEASE.sql,
    "page": page._PAGE.sql,
}


class RawAnnotator:
    """One annotator's connection, and how long each of their judgements took (seconds)."""

    def __init__(self, connection: Connection, annotator_id: int, pool: Pool, *, given: int = 0) -> None:
        self.connection = connection
        self.fixed = {
            "annotator": annotator_id,
            "study": pool.study_id,
            "comparisons": pool.comparisons,
            "is_open": True,
            "lease": timedelta(minutes=20),
            "key": ANNOTATOR_LOCKS + annotator_id,
        }
        self.ordinal = given
        self.latencies: list[float] = []

    def judge(self, cycles: int) -> None:
        """Judge until nothing is left or often enough."""
        with self.connection.transaction():
            claim = self._lease("shown")
        for _ in range(cycles):
            if claim is None:
                break
            start = time.perf_counter()
            claim = self._cycle(claim)
            self.latencies.append(time.perf_counter() - start)

    def _cycle(self, claim: UUID) -> UUID | None:
        with self.connection.transaction():
            parameters = self.fixed | {"claim": claim}
            self.connection.execute(CYCLE["lock"], parameters)
            mine = self.connection.execute(CYCLE["mine"], parameters).fetchone()
            if mine is None:
                return None
            answered = {"assignment": mine["id"], "comparison": mine["comparison_id"], "slot": mine["slot"]}
            self.connection.execute(CYCLE["answer"], parameters | answered | EQUAL)
            held = self.connection.execute(CYCLE["held"], parameters).fetchone() or {}
            following = self._lease("next" if held["shown"] else "shown")
            shown: UUID | None = held["shown"] or following
            self.connection.execute(CYCLE["page"], self.fixed | {"shown": shown, "next": following}).fetchall()
            return shown

    def _lease(self, state: str) -> UUID | None:
        drawn = self.connection.execute(CYCLE["draw"], self.fixed).fetchone()
        if drawn is None:
            return None
        self.ordinal += 1
        claim = uuid4()
        leased = {
            "claim": claim,
            "comparison": drawn["id"],
            "exposure": 1,
            "kind": "study",
            "occasion": 0,
            "ordinal": self.ordinal,
            "candidate_first": True,
            "state": state,
        }
        self.connection.execute(CYCLE["lease"], self.fixed | leased)
        return claim

    def claim_and_forget(self) -> None:
        """Draw and lease, then take it back."""
        with self.connection.transaction(force_rollback=True):
            self._lease("shown")


def measure_raw(plain_url: str, postgres_pid: int, pool: Pool, cycles: int) -> Measured:
    """Every annotator on a connection and in a thread of their own; only the database's CPU is counted."""
    with ExitStack() as stack:  # a backend's time is lost from view while it ends, so all stay until the end
        annotators = [
            RawAnnotator(
                stack.enter_context(psycopg.connect(plain_url, row_factory=dict_row, autocommit=True)), one, pool
            )
            for one in pool.annotator_ids
        ]
        threads = [threading.Thread(target=annotator.judge, args=(cycles,)) for annotator in annotators]
        postgres, start = tree_cpu_seconds(postgres_pid), time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Measured(
            [latency for annotator in annotators for latency in annotator.latencies],
            time.perf_counter() - start,
            app_cpu=0.0,
            postgres_cpu=tree_cpu_seconds(postgres_pid) - postgres,
        )


def measure_claims(plain_url: str, pool: Pool, *, rounds: int = 12) -> dict[str, float]:
    """The draw and the lease of each annotator in turn, on one connection whose statements are prepared (milliseconds).

    Each claim is rolled back, so that a small pool is as full in the last as in the first.
    """
    latencies: list[float] = []
    with psycopg.connect(plain_url, row_factory=dict_row, autocommit=True) as connection:
        connection.execute("UPDATE assignment SET state = 'expired', slot = NULL WHERE state IN ('shown', 'next')")
        annotators = [RawAnnotator(connection, one, pool, given=1_000_000) for one in pool.annotator_ids]
        for annotator in annotators * rounds:
            start = time.perf_counter()
            annotator.claim_and_forget()
            latencies.append(time.perf_counter() - start)
    return percentiles(latencies[len(annotators) :])
