"""Tables 7 and 8 in a study's results, and for all checkpoints on a page of their own."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.analysis.live import state_of
from app.analysis.registry import findings
from app.models import Checkpoint, DownstreamRun, DownstreamScore, Study
from app.models.system import GenerationState
from tests.app.conftest import Browser


def keep_score(db: Session, **score: object) -> None:
    checkpoint = db.scalars(select(Checkpoint).order_by(Checkpoint.id)).first()
    assert checkpoint is not None
    run = DownstreamRun(
        checkpoint_id=checkpoint.id,
        tasks=["mmlu", "rte"],
        shots=[5],
        seed=1,
        state=GenerationState.DONE,
        failures=[{"part": "rte@0", "reason": "rte: it is not to be had"}],
        harness="lm_eval 0.4.13",
    )
    db.add(run)
    db.flush()
    values = {"part": "mmlu@5", "task": "mmlu", "shots": 5, "metric": "acc", "value": 0.25, "questions": 4} | score
    db.add(DownstreamScore(run_id=run.id, **values))
    db.commit()


def test_a_study_shows_the_scores_of_its_systems_checkpoints(db: Session, golden: Study) -> None:
    before = state_of(db, golden)
    assert "toprank downstream" in str(findings(Evidence(db, golden)).find("table-7").missing)
    keep_score(db, stderr=0.02)
    table = findings(Evidence(db, golden)).find("table-7")
    assert table.rows[0][:6] == ("golden tiny, greedy", "–", "mmlu", "acc", 5, 0.25)
    assert state_of(db, golden) != before
    assert table.reported


def test_the_page_has_the_tables_the_runs_and_what_failed(db: Session, golden: Study, researcher: Browser) -> None:
    assert "Nothing was evaluated yet" in researcher.get("/checkpoints/downstream").text
    keep_score(db)
    page = researcher.get("/checkpoints/downstream").text
    assert "Table 7" in page
    assert "rte: it is not to be had" in page
    table = researcher.get("/checkpoints/downstream/table-7.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.splitlines()[1].startswith('"golden tiny, greedy",–,mmlu,acc,5,0.25')
    assert researcher.get("/checkpoints/downstream/table-9.csv").status_code == 404
