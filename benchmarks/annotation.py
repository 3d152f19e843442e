"""What one judgement costs: cycles/s, latency and CPU, beside the same SQL without a web app; and what a browser sees.

A cycle is one authenticated htmx POST of a verdict, answered with the next fragment. The exposure rule is on: nobody
gets two comparisons of one passage. `web` is a crowd that answers without a pause; in `paced` each answers at moments
of their own, so that together they give so many answers a second (`--rate`). `claim` is the draw and the lease alone,
on one warm connection.

    python -m benchmarks.annotation --json
    python -m benchmarks.annotation --json --comparisons 1000 20000 1000000 --annotators 64 --browser
"""

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from pydantic import SecretStr
from sqlalchemy import Engine, make_url

from app import embedded_postgres, migrate
from app.db import make_engine
from app.form_tokens import form_token
from app.settings import Settings
from benchmarks.browser import measure_browser
from benchmarks.cpu import tree_cpu_seconds
from benchmarks.http_client import Connection, claim_in
from benchmarks.measured import Measured
from benchmarks.pool import Pool, make_pool
from benchmarks.raw_sql import measure_claims, measure_raw
from benchmarks.served import SECRET, Server, served

VERDICTS = ("first", "second", "equal")


async def _annotate(connection: Connection, slug: str, cycles: int, *, every: float) -> list[float]:
    latencies = []
    claim = claim_in(await connection.get(f"/annotate?study={slug}"))
    due = time.perf_counter() + every * random.random()
    for nth in range(cycles):
        if every:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            due += every * random.uniform(0.5, 1.5)
        if claim is None:
            break
        start = time.perf_counter()
        fields = {"claim": claim, "verdict": VERDICTS[nth % 3], "duration_ms": "1"}
        claim = claim_in(await connection.post("/annotate", fields))
        latencies.append(time.perf_counter() - start)
    return latencies


async def _annotate_together(port: int, pool: Pool, cycles: int, *, every: float) -> list[float]:
    connections = [
        await Connection.open(port, cookie=token, form_token=form_token(SECRET.encode(), token))
        for token in pool.tokens
    ]
    runs = await asyncio.gather(*(_annotate(each, pool.slug, cycles, every=every) for each in connections))
    for connection in connections:
        connection.close()
    return [latency for run in runs for latency in run]


def measure_app(server: Server, postgres_pid: int, pool: Pool, cycles: int, *, every: float = 0.0) -> Measured:
    """Judge over HTTP, each so often (seconds), or without a pause; the client's CPU is told apart."""
    app, postgres = tree_cpu_seconds(server.pid), tree_cpu_seconds(postgres_pid)
    client, start = time.process_time(), time.perf_counter()
    latencies = uvloop.run(_annotate_together(server.port, pool, cycles, every=every))
    return Measured(
        latencies,
        time.perf_counter() - start,
        tree_cpu_seconds(server.pid) - app,
        tree_cpu_seconds(postgres_pid) - postgres,
        time.process_time() - client,
    )


class Bench:
    """One database, its engine, and the options of a run."""

    def __init__(self, database_url: str, postgres_pid: int, options: argparse.Namespace) -> None:
        self.url = database_url
        self.plain_url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.postgres_pid = postgres_pid
        self.options = options
        self.engine: Engine = make_engine(database_url)
        self.settings = Settings(database_url=database_url, secret_key=SecretStr(SECRET), secure_cookies=False)

    def pool(self, comparisons: int, annotators: int) -> Pool:
        """A fresh pool."""
        return make_pool(self.engine, self.settings, comparisons=comparisons, annotators=annotators)

    def measure(self, comparisons: int, annotators: int) -> dict[str, Any]:
        """Ours and the raw statements, each by annotators of their own on one pool that has room for all."""
        # The three together fill at most two thirds of the pool's slots (three for each comparison).
        cycles = max(2, min(self.options.cycles, comparisons * 2 // 3) // annotators)
        every = annotators / self.options.rate
        with served(self.url, processes=self.options.processes) as server:
            # Until each of its connections has planned each statement once: annotators work for hours, not for seconds.
            measure_app(server, self.postgres_pid, self.pool(2_000, 32), 40)
            pool = self.pool(comparisons, 3 * annotators)
            before = os.getloadavg()[0]
            ours = measure_app(server, self.postgres_pid, pool.third(0), cycles).summary()
            paced = measure_app(server, self.postgres_pid, pool.third(1), cycles, every=every).summary()
            seen = measure_browser(server, self.pool(400, 1)) if self.options.browser else None
        # The web app has ended by now: its connections and the raw ones together would be more than Postgres has.
        raw = measure_raw(self.plain_url, self.postgres_pid, pool.third(2), cycles).summary()
        claims = measure_claims(self.plain_url, pool.third(2))
        return {
            "comparisons": comparisons,
            "annotators": annotators,
            "load_before": round(before, 2),
            "web": ours,
            "paced": paced,
            "raw_sql": raw,
            "claim": claims,
            "cpu_ratio_web_to_raw_sql": round(ours["cpu_ms_per_cycle"] / raw["postgres_cpu_ms_per_cycle"], 2),
            "browser": seen,
        }

    def run(self) -> dict[str, Any]:
        """Every size with every number of annotators, and how the claim grows from the smallest pool to each."""
        runs = [
            self.measure(comparisons, annotators)
            for comparisons in self.options.comparisons
            for annotators in self.options.annotators
        ]
        for run in runs:
            smallest = next(other for other in runs if other["annotators"] == run["annotators"])
            run["claim"]["growth"] = round(run["claim"]["p50_ms"] / smallest["claim"]["p50_ms"], 2)
        return {"benchmark": "annotation", "web_processes": self.options.processes, "runs": runs}


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the result as JSON (it is printed either way)")
    parser.add_argument("--comparisons", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--annotators", type=int, nargs="+", default=[1, 8, 32, 64])
    parser.add_argument("--cycles", type=int, default=1_000, help="judgements in each measurement")
    parser.add_argument("--rate", type=float, default=150, help="answers a second of all annotators together")
    parser.add_argument("--processes", type=int, default=1, help="web processes")
    parser.add_argument("--browser", action="store_true", help="also measure in a real browser, which has to be there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        url = embedded_postgres.start(data_dir)
        try:
            migrate.upgrade(url)
            postgres_pid = embedded_postgres.status(data_dir).pid
            assert postgres_pid is not None
            bench = Bench(url, postgres_pid, options)
            print(json.dumps(bench.run(), indent=2))
            bench.engine.dispose()
        finally:
            embedded_postgres.stop(data_dir)


if __name__ == "__main__":
    main()
