"""Tables 7 and 8 in a study's results, and for all checkpoints on a page of their own, which starts and stops runs."""

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.analysis.live import state_of
from app.analysis.registry import findings
from app.domain.jobs import page_of_jobs
from app.models import Checkpoint, DownstreamRun, DownstreamScore, Study
from app.models.checkpoint import CheckpointState
from app.models.system import GenerationState
from tests.app.conftest import Browser
from tests.factories import make_checkpoint

PAGE = "/checkpoints/downstream"
JOBS = "SELECT task_name, status::text FROM procrastinate.procrastinate_jobs ORDER BY id"
FIELDS = {"checkpoints": ["base", "fit"], "mmlu": "true", "glue": "true", "others": "hellaswag", "shots": "5, 0"}


@pytest.fixture
def checkpoints(db: Session) -> list[Checkpoint]:
    made = [make_checkpoint(db, name=name) for name in ("base", "fit")]
    make_checkpoint(db, name="half", state=CheckpointState.TRAINING)
    db.commit()
    return made


def runs(db: Session) -> list[DownstreamRun]:
    db.rollback()
    return list(db.scalars(select(DownstreamRun).order_by(DownstreamRun.id)))


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


def test_the_form_offers_checkpoints_that_are_ready_and_the_papers_tasks(
    researcher: Browser, checkpoints: list[Checkpoint]
) -> None:
    page = researcher.get(f"{PAGE}/new?checkpoint=fit").text
    assert 'value="base" >' in page
    assert 'value="fit" checked>' in page
    assert "half" not in page
    assert 'value="0, 1, 3, 5"' in page


def test_without_a_checkpoint_there_is_nothing_to_evaluate(db: Session, researcher: Browser) -> None:
    db.execute(update(Checkpoint).values(state=CheckpointState.FAILED))
    db.commit()
    assert "There is no checkpoint that is ready" in researcher.get(f"{PAGE}/new").text


def test_a_run_of_each_checkpoint_is_left_to_a_worker_and_followed(
    db: Session, researcher: Browser, checkpoints: list[Checkpoint]
) -> None:
    answer = researcher.submit(PAGE, **FIELDS, question_limit="10", seed="7")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#runs")
    assert [(one.checkpoint_id, one.tasks, one.shots) for one in runs(db)] == [
        (one.id, ["mmlu", "glue", "hellaswag"], [0, 5]) for one in checkpoints
    ]
    assert {(one.question_limit, one.seed, one.task_folder) for one in runs(db)} == {(10, 7, None)}
    assert db.execute(text(JOBS)).all() == [("generation:downstream", "todo")] * 2
    assert [job.subject for job in page_of_jobs(db)] == ["base", "fit"]
    page = researcher.get(PAGE).text
    # mmlu and hellaswag at 0 and 5, seven tasks of GLUE at 0 and the most
    assert page.count("0 of 18 parts") == 2
    assert page.count("waiting for a worker") == 2
    fragment = researcher.get(PAGE, headers={"HX-Request": "true"}).text
    assert fragment.startswith('<div id="downstream"')
    assert 'hx-trigger="every 5s"' in fragment
    # ordered again, nothing is doubled
    researcher.submit(PAGE, **FIELDS, question_limit="10", seed="7")
    assert len(runs(db)) == 2
    assert len(db.execute(text(JOBS)).all()) == 2


def test_a_waiting_run_is_cancelled_and_goes_on_later(
    db: Session, researcher: Browser, checkpoints: list[Checkpoint]
) -> None:
    researcher.submit(PAGE, **FIELDS | {"checkpoints": ["base"]})
    run = runs(db)[0]
    assert researcher.submit(f"{PAGE}/{run.id}/cancel").status_code == 303
    assert [one.state for one in runs(db)] == [GenerationState.IDLE]
    assert db.execute(text(JOBS)).all() == []
    page = researcher.get(PAGE).text
    assert "stopped" in page
    assert "hx-trigger" not in page
    assert researcher.submit(f"{PAGE}/{run.id}/queue").status_code == 303
    assert [one.state for one in runs(db)] == [GenerationState.QUEUED]
    assert researcher.submit(f"{PAGE}/{run.id + 1}/queue").status_code == 404


def test_a_run_that_a_worker_has_is_told_to_stop(
    db: Session, researcher: Browser, checkpoints: list[Checkpoint]
) -> None:
    researcher.submit(PAGE, **FIELDS | {"checkpoints": ["base"]})
    run = runs(db)[0]
    run.state = GenerationState.RUNNING
    db.flush()
    db.execute(text("SET LOCAL search_path TO procrastinate"))
    db.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    db.commit()
    assert ">Cancel<" in researcher.get(PAGE).text
    researcher.submit(f"{PAGE}/{run.id}/cancel")
    assert [one.state for one in runs(db)] == [GenerationState.RUNNING]
    page = researcher.get(PAGE).text
    assert "stopping" in page
    assert ">Cancel<" not in page


def test_parts_that_failed_are_named_and_tried_again(db: Session, golden: Study, researcher: Browser) -> None:
    keep_score(db)
    page = researcher.get(PAGE).text
    # one part of three has a score, one failed
    assert "2 of 2 parts" in page
    assert "Try again what failed" in page
    researcher.submit(f"{PAGE}/{runs(db)[0].id}/queue")
    assert [(one.state, one.failures) for one in runs(db)] == [(GenerationState.QUEUED, [])]
    assert "1 of 2 parts" in researcher.get(PAGE).text


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"checkpoints": []}, 400, "Name at least one checkpoint."),
        ({"checkpoints": ["half"]}, 400, "only a ready one is evaluated"),
        ({"checkpoints": ["base", "none"]}, 404, "There is no checkpoint"),
        ({"mmlu": "false", "glue": "false", "others": " , "}, 400, "Name at least one task"),
        ({"others": "../etc"}, 400, "is no name of a task"),
        ({"shots": "few"}, 400, "give numbers with commas between"),
        ({"shots": "101"}, 400, "each from 0 to 100"),
        ({"shots": ",".join(map(str, range(21)))}, 400, "Shots are 1 to 20 numbers"),
        ({"question_limit": "0"}, 422, ""),
        ({"seed": str(2**31)}, 422, ""),
        ({"task_folder": "/tmp"}, 422, ""),
    ],
)
def test_what_cannot_be_evaluated_is_refused_and_leaves_nothing(
    db: Session, researcher: Browser, checkpoints: list[Checkpoint], changed: dict[str, object], status: int, said: str
) -> None:
    answer = researcher.submit(PAGE, **FIELDS | changed)
    assert answer.status_code == status
    assert said in answer.text
    assert runs(db) == []
