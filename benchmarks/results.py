"""How long results take: 20 systems x 300 contexts x 2 scenarios x 3 annotations, all scored and measured, by HTTP.

*Cold* computes everything; *changed* recomputes after one more annotation, which every other page then shares; *warm*
finds nothing changed. The baseline is the one SQL query behind Table 1 alone, in the same run. Beside the results page:
every page that it leads to, warm, and every picture, the first time.

    python -m benchmarks.results --json
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import httpx2
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from app import embedded_postgres, migrate
from app.analysis.evidence import Evidence
from app.analysis.registry import BUILDERS, findings
from app.auth.sessions import start_session
from app.db import make_engine
from app.models import Passage, Person, Study
from app.settings import Settings
from benchmarks.full_study import CONTEXTS, QUOTA, SLUG, SYSTEMS, make_full_study
from tests.serving import SECRET, serve

REPEATS = 7
RESULTS = f"/studies/{SLUG}/results"

_BASELINE = """
SELECT t.system_id, c.scenario, p.dataset_id, count(*), count(*) FILTER (WHERE n.verdict <> 'reference')
FROM annotation n JOIN comparison c ON c.id = n.comparison_id JOIN candidacy q ON q.comparison_id = c.id
JOIN continuation t ON t.id = q.continuation_id JOIN passage p ON p.id = c.passage_id
WHERE n.study_id = :study AND n.status = 'counted' GROUP BY 1, 2, 3
"""
_ONE_MORE = """
UPDATE annotation SET status = 'surplus', slot = NULL WHERE id = (
    SELECT id FROM annotation WHERE study_id = :study AND status = 'counted' ORDER BY id DESC LIMIT 1)
"""


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def typical(work: Callable[[], object], *, before: Callable[[], object] = lambda: None) -> float:
    """The median of some repetitions, each after `before`, which is not timed."""
    times = []
    for _ in range(REPEATS):
        before()
        times.append(seconds(work))
    return round(median(times), 3)


def pages(passage_id: int) -> dict[str, str]:
    """Every page that the results page leads to, and what it offers."""
    texts = f"/studies/{SLUG}/texts"
    return {
        "results": RESULTS,
        "results with withdrawn annotators": f"{RESULTS}?withdrawn=with",
        "results with a text chosen for Figure 4": f"{RESULTS}?passage={passage_id}",
        "texts": texts,
        "texts that all call good and that recite": f"{texts}?consensus=good&overlap=20&ttr_from=0.2",
        "one context": f"{texts}/{passage_id}",
        "study": f"/studies/{SLUG}",
        "quality": f"/studies/{SLUG}/quality",
        "table-1.csv": f"{RESULTS}/table-1.csv",
        "table-1.tex": f"{RESULTS}/table-1.tex",
    }


def measure_http(http: httpx2.Client, passage_id: int, change: Callable[[], None]) -> dict[str, object]:
    """What a browser waits for."""

    def get(address: str) -> None:
        response = http.get(address)
        assert response.status_code == 200, response.text

    cold = round(seconds(partial(get, RESULTS)), 3)
    every = pages(passage_id)
    for address in every.values():
        get(address)
    warm = {name: typical(partial(get, address)) for name, address in every.items()}
    changed = typical(partial(get, RESULTS), before=change)
    pictures = {
        key: round(seconds(partial(get, f"{RESULTS}/{key}.svg?plain=1")), 3)
        for key in BUILDERS
        if key not in ("table-7", "table-8")
    }
    archive = round(seconds(partial(get, f"{RESULTS}.zip")), 3)
    return {
        "page_cold_s": cold,
        "page_warm_s": warm["results"],
        "page_after_an_annotation_s": changed,
        "pages_warm_s": warm,
        "pictures_s": pictures,
        "zip_s": archive,
    }


def measure_parts(engine: Engine, study_id: int) -> dict[str, float]:
    """What the page is made of, in a process that has computed it before."""
    with Session(engine) as session:
        evidence = Evidence(session, session.get_one(Study, study_id))
        parts = ("answers", "continuations", "original_ttr", "preferences", "scores", "measured")
        times = {part: round(seconds(partial(getattr, evidence, part)), 3) for part in parts}
        return times | {"every table and figure": round(seconds(partial(findings, evidence)), 3)}


def measure(engine: Engine, settings: Settings) -> dict[str, object]:
    """Every figure, in seconds."""
    study_id, researcher_id = make_full_study(engine)
    with Session(engine) as session, session.begin():
        researcher = session.get_one(Person, researcher_id)
        token = start_session(session, researcher, lifetime=settings.session_lifetime)
        passage_id = session.scalars(select(Passage.id).order_by(Passage.id).limit(1)).one()

    def change() -> None:
        with engine.begin() as connection:
            connection.execute(text(_ONE_MORE), {"study": study_id})

    with serve(settings) as address, httpx2.Client(base_url=address, cookies={"toprank": token}, timeout=300) as http:
        waits = measure_http(http, passage_id, change)
    with engine.connect() as connection:
        baseline = typical(lambda: connection.execute(text(_BASELINE), {"study": study_id}).all())
    return {
        "annotations": SYSTEMS * CONTEXTS * 2 * QUOTA,
        **waits,
        "baseline_one_query_s": baseline,
        "parts_s": measure_parts(engine, study_id),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        url = embedded_postgres.start(data_dir)
        try:
            migrate.upgrade(url)
            engine = make_engine(url)
            settings = Settings.model_validate(
                {"database_url": url, "data_dir": data_dir, "secret_key": SECRET, "secure_cookies": False}
            )
            figures = measure(engine, settings)
            engine.dispose()
        finally:
            embedded_postgres.remove(data_dir)
    print(json.dumps(figures, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
