"""What one judgement costs: cycles/s, latency and CPU, beside the same SQL without a web app.

A cycle is one authenticated htmx POST of a verdict, answered with the next fragment.

    python -m benchmarks.annotation --json
"""

import argparse
import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row
from pydantic import SecretStr
from sqlalchemy import TextClause, make_url

from app import embedded_postgres, migrate
from app.annotation import claims, drawing, leases, page, verdicts
from app.db import make_engine
from app.domain.annotator_lock import ANNOTATOR_LOCKS
from app.form_tokens import form_token
from app.settings import Settings
from benchmarks.cpu import tree_cpu_seconds
from benchmarks.http_client import Connection, claim_in
from benchmarks.pool import Pool, make_pool

SECRET = "a-key-for-benchmarks-0123456789-abcdef"
VERDICTS = ("first", "second", "equal")


@dataclass(frozen=True)
class Load:
    """How many annotators judge how many comparisons each, in a pool of which size."""

    comparisons: int
    annotators: int
    cycles_each: int


@dataclass
class Measured:
    """Latencies (seconds) and CPU (seconds) of a run."""

    latencies: list[float]
    wall: float
    app_cpu: float
    postgres_cpu: float

    def summary(self) -> dict[str, float]:
        """Rates and percentiles, rounded for reading."""
        cycles = len(self.latencies)
        percentiles = quantiles(self.latencies, n=100)
        return {
            "cycles": cycles,
            "cycles_per_s": round(cycles / self.wall, 1),
            "p50_ms": round(1000 * percentiles[49], 2),
            "p99_ms": round(1000 * percentiles[98], 2),
            "cpu_ms_per_cycle": round(1000 * (self.app_cpu + self.postgres_cpu) / cycles, 2),
            "app_cpu_ms_per_cycle": round(1000 * self.app_cpu / cycles, 2),
            "postgres_cpu_ms_per_cycle": round(1000 * self.postgres_cpu / cycles, 2),
        }


async def _annotate(connection: Connection, slug: str, cycles: int) -> list[float]:
    latencies = []
    claim = claim_in(await connection.get(f"/annotate?study={slug}"))
    for nth in range(cycles):
        if claim is None:
            break
        start = time.perf_counter()
        fields = {"claim": claim, "verdict": VERDICTS[nth % 3], "duration_ms": "1"}
        claim = claim_in(await connection.post("/annotate", fields))
        latencies.append(time.perf_counter() - start)
    return latencies


async def _annotate_together(port: int, pool: Pool, cycles: int) -> list[float]:
    connections = [
        await Connection.open(port, cookie=token, form_token=form_token(SECRET.encode(), token))
        for token in pool.tokens
    ]
    runs = await asyncio.gather(*(_annotate(connection, pool.slug, cycles) for connection in connections))
    for connection in connections:
        connection.writer.close()
    return [latency for run in runs for latency in run]


def measure_app(server: "Server", pool: Pool, cycles: int) -> Measured:
    """Judge over HTTP; the CPU of app and Postgres is counted, the client's is not."""
    app, postgres, start = tree_cpu_seconds(server.pid), tree_cpu_seconds(server.postgres_pid), time.perf_counter()
    latencies = asyncio.run(_annotate_together(server.port, pool, cycles))
    return Measured(
        latencies,
        time.perf_counter() - start,
        tree_cpu_seconds(server.pid) - app,
        tree_cpu_seconds(server.postgres_pid) - postgres,
    )


def _for_psycopg(statement: TextClause) -> str:
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", statement.text)


_CYCLE = {
    name: _for_psycopg(statement)
    for name, statement in {
        "lock": leases._LOCK_CLAIM,
        "mine": verdicts._MINE,
        "answer": verdicts._ANSWER,
        "held": claims._HELD,
        "promote": claims._PROMOTE,
        "draw": drawing._AT_RANDOM,
        "lease": claims._LEASE,
        "pairs": page._PAIRS,
    }.items()
}


def _raw_cycle(connection: psycopg.Connection[dict[str, Any]], fixed: dict[str, Any], claim: UUID) -> UUID | None:
    """The statements of one judgement, with nothing of ours around them."""
    with connection.transaction(), connection.cursor() as cursor:
        parameters = fixed | {"claim": claim}
        cursor.execute(_CYCLE["lock"], parameters | {"key": ANNOTATOR_LOCKS + fixed["annotator"]})
        mine = cursor.execute(_CYCLE["mine"], parameters).fetchone()
        if mine is None:
            return None
        parameters |= {"assignment": mine["id"], "comparison": mine["comparison_id"], "slot": mine["slot"]}
        cursor.execute(_CYCLE["answer"], parameters | _EQUAL)
        held = {row["state"]: row["claim"] for row in cursor.execute(_CYCLE["held"], parameters)}
        promoted = cursor.execute(_CYCLE["promote"], parameters).fetchone() if "next" in held else None
        drawn = cursor.execute(_CYCLE["draw"], parameters).fetchone()
        following = uuid4() if drawn else None
        if drawn:
            state = "next" if promoted else "shown"
            leased = {"claim": following, "passage": drawn["passage_id"], "comparison": drawn["id"], "state": state}
            cursor.execute(_CYCLE["lease"], parameters | drawn | leased | {"candidate_first": True})
        shown = promoted["claim"] if promoted else following
        cursor.execute(_CYCLE["pairs"], {"claims": [shown, following]}).fetchall()
        return shown


_EQUAL = {
    "verdict_shown": "equal",
    "verdict": "equal",
    "status": "counted",
    "supersedes": None,
    "guidelines_version": 1,
    "duration_ms": 1,
}


def measure_raw(server: "Server", pool: Pool, cycles: int) -> Measured:
    """The same judgements by the same statements straight from psycopg, one thread for each annotator."""
    latencies: list[float] = []

    def judge(annotator: int, connection: psycopg.Connection[dict[str, Any]]) -> None:
        fixed = {
            "annotator": annotator,
            "study": pool.study_id,
            "comparisons": server.load.comparisons,
            "draws": drawing.FEW,
            "lease": timedelta(minutes=20),
        }
        claim = _raw_first_claim(connection, fixed)
        for _ in range(cycles):
            if claim is None:
                break
            start = time.perf_counter()
            claim = _raw_cycle(connection, fixed, claim)
            latencies.append(time.perf_counter() - start)

    with ExitStack() as stack:  # a backend's time is lost from view while it ends, so all stay until the end
        connections = [
            stack.enter_context(psycopg.connect(server.plain_url, row_factory=dict_row, autocommit=True))
            for _ in pool.annotator_ids
        ]
        postgres, start = tree_cpu_seconds(server.postgres_pid), time.perf_counter()
        pairs = zip(pool.annotator_ids, connections, strict=True)
        threads = [threading.Thread(target=judge, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall = time.perf_counter() - start
        return Measured(latencies, wall, 0.0, tree_cpu_seconds(server.postgres_pid) - postgres)


def _raw_first_claim(connection: psycopg.Connection[dict[str, Any]], fixed: dict[str, Any]) -> UUID | None:
    drawn = connection.execute(_CYCLE["draw"], fixed).fetchone()
    if drawn is None:
        return None
    claim = uuid4()
    leased = {"claim": claim, "passage": drawn["passage_id"], "comparison": drawn["id"], "state": "shown"}
    connection.execute(_CYCLE["lease"], fixed | drawn | leased | {"candidate_first": True})
    return claim


@dataclass(frozen=True)
class Server:
    """The web app as its own process, on a Postgres as its own."""

    pid: int
    port: int
    postgres_pid: int
    plain_url: str
    load: Load


@contextmanager
def served(database_url: str, postgres_pid: int, load: Load, processes: int) -> Iterator[Server]:
    """Start `toprank serve` on a free port; ended when the measurement is over."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port), "--processes", str(processes)]
    environment = os.environ | {"DATABASE_URL": database_url, "TOPRANK_SECRET_KEY": SECRET}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        plain = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        yield Server(process.pid, port, postgres_pid, plain, load)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit("The web app did not start; its message stands above.")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The web app did not answer within a minute.")


def measure(load: Load, database_url: str, postgres_pid: int, *, processes: int) -> dict[str, Any]:
    """Ours and the raw statements, each on a fresh pool of the same size in the same database."""
    engine = make_engine(database_url)
    settings = Settings(database_url=database_url, secret_key=SecretStr(SECRET), secure_cookies=False)
    try:
        with served(database_url, postgres_pid, load, processes) as server:
            warm = make_pool(engine, settings, comparisons=400, annotators=2)
            measure_app(server, warm, 20)
            pool = make_pool(engine, settings, comparisons=load.comparisons, annotators=load.annotators)
            ours = measure_app(server, pool, load.cycles_each).summary()
            pool = make_pool(engine, settings, comparisons=load.comparisons, annotators=load.annotators)
            raw = measure_raw(server, pool, load.cycles_each).summary()
    finally:
        engine.dispose()
    ratio = round(ours["cpu_ms_per_cycle"] / raw["postgres_cpu_ms_per_cycle"], 2)
    return {
        "comparisons": load.comparisons,
        "annotators": load.annotators,
        "web": ours,
        "raw_sql": raw,
        "cpu_ratio_web_to_raw_sql": ratio,
    }


def main() -> None:
    """Measure every size with every number of annotators and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the result as JSON (it is printed either way)")
    parser.add_argument("--comparisons", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--annotators", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--cycles", type=int, default=1_000, help="judgements in each measurement")
    parser.add_argument("--processes", type=int, default=1, help="web processes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        url = embedded_postgres.start(data_dir)
        migrate.upgrade(url)
        postgres_pid = embedded_postgres.status(data_dir).pid
        assert postgres_pid is not None
        try:
            runs = [
                measure(
                    Load(comparisons, annotators, options.cycles // annotators),
                    url,
                    postgres_pid,
                    processes=options.processes,
                )
                for comparisons in options.comparisons
                for annotators in options.annotators
            ]
        finally:
            embedded_postgres.stop(data_dir)
    print(json.dumps({"benchmark": "annotation", "web_processes": options.processes, "runs": runs}, indent=2))


if __name__ == "__main__":
    main()
