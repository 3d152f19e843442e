"""How long a results page takes: 20 systems x 300 contexts x 2 scenarios x 3 annotations, by HTTP on a real database.

*Cold* computes everything; *changed* recomputes after one more annotation, which every other page then shares; *warm*
finds nothing changed. The baseline is the one SQL query behind Table 1 alone, in the same run.

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
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app import embedded_postgres, migrate
from app.analysis.evidence import Evidence
from app.auth.sessions import start_session
from app.db import make_engine
from app.models import Checkpoint, Dataset, Person, Study, System
from app.models.person import Role
from app.models.study import StudyState
from app.models.system import Strategy
from app.settings import Settings
from benchmarks.judged import ASSIGNMENTS, CANDIDACIES
from tests.serving import SECRET, serve

SYSTEMS, CONTEXTS, ANNOTATORS, QUOTA = 20, 300, 40, 3
REPEATS = 7

_PASSAGES = """
INSERT INTO passage (study_id, dataset_id, content_hash, token_ids, context, original, state, unjudged)
SELECT :study, (SELECT id FROM dataset WHERE study_id = :study ORDER BY id OFFSET n % 3 LIMIT 1),
       md5(n::text) || md5((-n)::text),
       (SELECT array_agg((random() * 5000)::int + 0 * i) FROM generate_series(1, 256) i),
       'A context ' || n, ' an original ' || n, 'accepted', false
FROM generate_series(1, :contexts) n
"""
_CONTINUATIONS = """
INSERT INTO continuation (study_id, system_id, passage_id, token_ids, text, ttr_128, ttr_256, engine)
SELECT :study, s.id, p.id, (SELECT array_agg((random() * 500)::int + 0 * i) FROM generate_series(1, 224) i),
       ' a continuation ' || s.id || '/' || p.id, random(), random(), 'made'
FROM system s, passage p WHERE s.study_id = :study AND p.study_id = :study
"""
_COMPARISONS = """
INSERT INTO comparison (study_id, passage_id, scenario, kind, number, quota, taken, answered, withdrawn,
                        candidate_text, reference_text, texts_hash)
SELECT :study, t.passage_id, scenario, 'study', row_number() OVER (ORDER BY t.id, scenario), :quota, :quota, :quota,
       false, t.text, 'original', md5(t.id::text) || md5(t.id::text)
FROM continuation t, unnest(ARRAY[128, 256]) scenario WHERE t.study_id = :study
"""
_ANNOTATIONS = """
INSERT INTO annotation (study_id, assignment_id, comparison_id, annotator_id, slot, candidate_first, verdict_shown,
                        verdict, status, guidelines_version, duration_ms)
SELECT a.study_id, a.id, a.comparison_id, a.annotator_id, a.slot, a.candidate_first,
       CASE v.verdict WHEN 'equal' THEN 'equal'
                      ELSE CASE WHEN (v.verdict = 'candidate') = a.candidate_first THEN 'first' ELSE 'second' END END,
       v.verdict, 'counted', 1, 20000
FROM assignment a, LATERAL (
    SELECT (ARRAY['candidate', 'equal', 'reference', 'reference'])[1 + (hashint8(a.id) & 3)] AS verdict) v
WHERE a.study_id = :study
"""
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


def make_study(engine: Engine) -> tuple[int, int]:
    """The study's id and a researcher's."""
    with Session(engine) as session, session.begin():
        session.execute(text("INSERT INTO reference_tokens VALUES (repeat('0', 64), 'none', '')"))
        study = Study(slug="big", title="Big", state=StudyState.CLOSED, reference_tokens_sha256="0" * 64)
        study.comparisons = SYSTEMS * CONTEXTS * 2
        checkpoint = Checkpoint(name="made", source="/nowhere")
        people = [Person(email=f"a{n}@bench.example", role=Role.ANNOTATOR) for n in range(ANNOTATORS)]
        researcher = Person(email="r@bench.example", role=Role.RESEARCHER)
        session.add_all([study, checkpoint, *people, researcher])
        session.flush()
        session.add_all(Dataset(study_id=study.id, name=name) for name in ("wikipedia", "fiction", "news"))
        session.add_all(
            System(study_id=study.id, name=f"system {n}", checkpoint_id=checkpoint.id, strategy=Strategy.GREEDY)
            for n in range(SYSTEMS)
        )
        session.flush()
        values = {"study": study.id, "contexts": CONTEXTS, "quota": QUOTA}
        values |= {"annotators": ANNOTATORS, "first": min(person.id for person in people)}
        for statement in (_PASSAGES, _CONTINUATIONS, _COMPARISONS, CANDIDACIES, ASSIGNMENTS, _ANNOTATIONS):
            session.execute(text(statement), values)
        ids = (study.id, researcher.id)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return ids


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(engine: Engine, settings: Settings) -> dict[str, object]:
    """Every figure, in seconds."""
    study_id, researcher_id = make_study(engine)
    with Session(engine) as session, session.begin():
        researcher = session.get_one(Person, researcher_id)
        token = start_session(session, researcher, lifetime=settings.session_lifetime)

    def change() -> None:
        with engine.begin() as connection:
            connection.execute(text(_ONE_MORE), {"study": study_id})

    with serve(settings) as address, httpx2.Client(base_url=address, cookies={"toprank": token}, timeout=120) as http:

        def page() -> None:
            response = http.get("/studies/big/results")
            assert response.status_code == 200, response.text

        cold = seconds(page)
        warm = [seconds(page) for _ in range(REPEATS)]
        changed = []
        for _ in range(REPEATS):
            change()
            changed.append(seconds(page))
        pictures = {}
        for key in ("table-1", "table-4", "comparisons", "figure-9-left", "figure-9-right"):
            address = f"/studies/big/results/{key}.svg?plain=1"
            pictures[key] = seconds(partial(http.get, address))
    with engine.connect() as connection:
        baseline = median(
            seconds(lambda: connection.execute(text(_BASELINE), {"study": study_id}).all()) for _ in range(REPEATS)
        )
    with Session(engine) as session:
        evidence = Evidence(session, session.get_one(Study, study_id))
        rows = {"answers": seconds(lambda: evidence.answers), "preferences": seconds(lambda: evidence.preferences)}
    return {
        "annotations": SYSTEMS * CONTEXTS * 2 * QUOTA,
        "page_cold_s": round(cold, 3),
        "page_warm_s": round(median(warm), 3),
        "page_after_an_annotation_s": round(median(changed), 3),
        "baseline_one_query_s": round(baseline, 3),
        "after_an_annotation_to_baseline": round(median(changed) / baseline, 1),
        "pictures_s": {key: round(value, 3) for key, value in pictures.items()},
        "parts_s": {key: round(value, 3) for key, value in rows.items()},
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
