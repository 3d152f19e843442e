"""The export over HTTP beside psql's COPY of the same statement, in the same run: time, first byte, memory.

*first byte* is the first of the file, which no size makes later than the database's own first row. Memory is how much
the web process grew above what it had before, at its peak. The rivals' figures stand in docs/performance.md.

    python -m benchmarks.export --json [--rows 20000 1000000]
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Engine, make_url
from sqlalchemy.orm import Session

from app import embedded_postgres, migrate
from app.auth.sessions import start_session
from app.db import make_engine
from app.embedded_postgres_programs import binaries
from app.export.formats import FileFormat
from app.export.streaming import ExportOrder, copy_statement
from app.models import Person, Study
from app.models.person import Role
from app.settings import Settings
from benchmarks.judged import QUOTA, make_judged_study
from benchmarks.served import Server, served

REPEATS = 3
LARGE = 500_000  # annotations from which on each is measured once


@dataclass(frozen=True)
class Web:
    """The web app, and the login of who asks it."""

    server: Server
    token: str


def plain(url: str) -> str:
    """The same without SQLAlchemy's driver in it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def psql_seconds(url: str, statement: str) -> float:
    """How long psql takes to copy the rows to nowhere."""
    target = conninfo_to_dict(plain(url))
    environment = os.environ | {"PGPASSWORD": str(target.pop("password", ""))}
    command = [str(binaries() / "psql"), "-X", "-q", "-d", make_conninfo("", **target), "-c", statement]
    start = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def memory_kb(pid: int, what: str) -> int:
    """A line of /proc/PID/status: VmRSS is what a process has, VmHWM the most it had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def download(web: Web, address: str) -> dict[str, float]:
    """One export: seconds to the first byte and to the last, size, and what the web process grew by."""
    before = memory_kb(web.server.pid, "VmRSS")
    Path(f"/proc/{web.server.pid}/clear_refs").write_text("5")  # the peak begins anew
    start, size = time.perf_counter(), 0
    connection = HTTPConnection("127.0.0.1", web.server.port, timeout=1200)
    connection.request("GET", address, headers={"Cookie": f"toprank={web.token}"})
    response = connection.getresponse()
    if response.status != HTTPStatus.OK:
        raise SystemExit(f"{address} answered {response.status}: {response.read(2000)!r}")
    size += len(response.read(1))
    first = time.perf_counter() - start
    while piece := response.read1(2**20):
        size += len(piece)
    total = time.perf_counter() - start
    connection.close()
    grown = memory_kb(web.server.pid, "VmHWM") - before
    return {"first_byte_s": first, "total_s": total, "mb": size / 1e6, "grown_mb": grown / 1000}


def compare(engine: Engine, web: Web, study: Study, order: ExportOrder) -> dict[str, object]:
    """Ours and psql's, by turns; medians."""
    address = f"/studies/{study.slug}/export.{order.file_format}{'?texts=true' if order.texts else ''}"
    url = engine.url.render_as_string(hide_password=False)
    with psycopg.connect(
        make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    ) as connection:
        statement = copy_statement(study, order).as_string(connection)
    ours, theirs = [], []
    for _ in range(1 if study.comparisons * QUOTA >= LARGE else REPEATS):
        ours.append(download(web, address))
        theirs.append(psql_seconds(url, statement))
    seconds = median(one["total_s"] for one in ours)
    return {
        "format": str(order.file_format),
        "texts": order.texts,
        "mb": round(ours[0]["mb"], 1),
        "first_byte_s": round(median(one["first_byte_s"] for one in ours), 3),
        "total_s": round(seconds, 2),
        "psql_copy_s": round(median(theirs), 2),
        "ratio": round(seconds / median(theirs), 2),
        "grown_mb": round(max(one["grown_mb"] for one in ours), 1),
    }


def measure(engine: Engine, rows: int, web: Web) -> dict[str, object]:
    """Every format of a study of this size, beside psql."""
    study_id = make_judged_study(engine, annotations=rows, slug=f"rows-{rows}")
    orders = [ExportOrder(), ExportOrder(texts=True), ExportOrder(FileFormat.JSONL), ExportOrder(FileFormat.PARQUET)]
    with Session(engine) as session:
        study = session.get_one(Study, study_id)
        session.commit()
        for file_format in FileFormat:  # what is loaded once is no part of a file
            download(web, f"/studies/rows-100/export.{file_format}")
        return {"rows": rows, "exports": [compare(engine, web, study, order) for order in orders]}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000], help="annotations, multiples of 100")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = embedded_postgres.start(Path(folder))
        try:
            migrate.upgrade(url)
            engine = make_engine(url)
            with Session(engine) as session, session.begin():
                researcher = Person(email="researcher@bench.example", role=Role.RESEARCHER)
                session.add(researcher)
                session.flush()
                token = start_session(session, researcher, lifetime=Settings(database_url=url).session_lifetime)
            make_judged_study(engine, annotations=100, slug="rows-100")
            with served(url, processes=1) as server:
                figures = [measure(engine, rows, Web(server, token)) for rows in arguments.rows]
            engine.dispose()
        finally:
            embedded_postgres.remove(Path(folder))
    print(json.dumps({"sizes": figures}, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
