"""A run on downstream tasks: evaluated once, part by part; what fails is named, and the rest goes on."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.analysis.exhibits.downstream import downstream_exhibits
from app.domain.downstream import downstream_lock, find_or_make_run, queue_downstream
from app.domain.downstream_plan import DownstreamPlan, parts_of
from app.errors import ToprankError
from app.models import Checkpoint, DownstreamRun, DownstreamScore, HyperfitRun
from app.models.checkpoint import CheckpointState
from app.models.system import GenerationState
from cli.main import app
from generation.child import run_child
from generation.downstream import harness
from generation.downstream.evaluation import DownstreamOrder, DownstreamProgress, evaluate
from generation.generate import Outcome, session_holding
from tests.factories import make_checkpoint
from tests.generation.downstream.tasks import write_tasks
from tests.tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tasks(tmp_path_factory.mktemp("downstream") / "tasks")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("varied")
    return [save_tiny_model(root / str(seed), seed=seed, varied=True) for seed in (0, 1)]


@pytest.fixture
def pair(db: Session, sources: list[Path]) -> tuple[Checkpoint, Checkpoint]:
    base = make_checkpoint(db, name="base", source=str(sources[0]))
    made = make_checkpoint(db, name="hyperfitted", source=str(sources[1]))
    db.add(HyperfitRun(checkpoint_id=made.id, base_id=base.id, config={}, total_updates=1))
    db.commit()
    return base, made


def order_for(db: Session, checkpoint: Checkpoint, *tasks: str, folder: Path) -> DownstreamOrder:
    plan = DownstreamPlan(tasks=tasks, shots=(0, 1), question_limit=6, task_folder=str(folder))
    run = find_or_make_run(db, checkpoint, plan)
    db.commit()
    url = db.get_bind().engine.url.render_as_string(hide_password=False)
    return DownstreamOrder(url, run.id, batch=8)


def test_a_task_that_fails_is_reported_and_the_rest_goes_on(
    db: Session, engine: Engine, pair: tuple[Checkpoint, Checkpoint], folder: Path
) -> None:
    order = order_for(db, pair[0], "rte", "mmlu", folder=folder)
    reports: list[DownstreamProgress] = []

    assert evaluate(order, reports.append) is Outcome.DONE

    assert [(one.part, one.done, one.total) for one in reports] == [
        *[("rte@0", 1, 4), ("rte@1", 2, 4), ("mmlu@0", 3, 4), ("mmlu@1", 4, 4)]
    ]
    with Session(engine) as session:
        run = session.get_one(DownstreamRun, order.run_id)
        assert run.state is GenerationState.DONE
        assert [failure["part"] for failure in run.failures] == ["rte@0", "rte@1"]
        assert "gone" in run.failures[0]["reason"]
        assert str(run.harness).startswith("lm_eval 0.4")
        scores = list(session.scalars(select(DownstreamScore).order_by(DownstreamScore.id)))
        assert {score.part for score in scores} == {"mmlu@0", "mmlu@1"}
        # a second time, only what failed is tried again
        again: list[DownstreamProgress] = []
        assert evaluate(order, again.append) is Outcome.DONE
        assert [one.part for one in again] == ["rte@0", "rte@1"]


def test_the_child_process_of_a_worker_evaluates_it(
    db: Session, engine: Engine, pair: tuple[Checkpoint, Checkpoint], folder: Path
) -> None:
    order = order_for(db, pair[0], "plain", folder=folder)
    assert run_child("generation.downstream.evaluation", asdict(order), lambda: False) is Outcome.DONE
    with Session(engine) as session:
        assert session.scalars(select(DownstreamScore.task).distinct()).all() == ["plain"]


def test_a_run_of_which_nothing_worked_failed_with_a_reason(
    db: Session, engine: Engine, pair: tuple[Checkpoint, Checkpoint], folder: Path
) -> None:
    order = order_for(db, pair[0], "rte", folder=folder)
    assert evaluate(order, print) is Outcome.FAILED
    unknown = order_for(db, pair[0], "nonsense", folder=folder)
    assert evaluate(unknown, print) is Outcome.FAILED
    with Session(engine) as session:
        assert "gone" in str(session.get_one(DownstreamRun, order.run_id).reason)
        assert "knows no task 'nonsense'" in str(session.get_one(DownstreamRun, unknown.run_id).reason)
    with session_holding(order.database_url, downstream_lock(order.run_id)):
        assert evaluate(order, print) is Outcome.BUSY
    assert evaluate(DownstreamOrder(order.database_url, 12345), print) is Outcome.DONE


def test_a_run_with_a_score_for_every_part_loads_nothing(db: Session, pair: tuple[Checkpoint, Checkpoint]) -> None:
    run = find_or_make_run(db, pair[0], DownstreamPlan(tasks=("cola",), shots=(0,)))
    values = {"task": "cola", "shots": 0, "metric": "mcc", "value": 0.5, "questions": 4}
    db.add_all(DownstreamScore(run_id=run.id, part=str(part), **values) for part in parts_of(run.tasks, run.shots))
    pair[0].source = "/nowhere/at/all"
    db.commit()
    url = db.get_bind().engine.url.render_as_string(hide_password=False)

    assert evaluate(DownstreamOrder(url, run.id), print) is Outcome.DONE


def test_a_machine_without_the_harness_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "find_spec", lambda _name: None)

    with pytest.raises(ToprankError, match=r"pip install 'toprank\[downstream\]'"):
        harness.check_installed()


def test_a_run_is_queued_once_and_not_again_when_it_is_complete(
    db: Session, pair: tuple[Checkpoint, Checkpoint]
) -> None:
    run = find_or_make_run(db, pair[0], DownstreamPlan())
    assert find_or_make_run(db, pair[0], DownstreamPlan()) is run
    assert queue_downstream(db, run)
    assert not queue_downstream(db, run)
    other = find_or_make_run(db, pair[0], DownstreamPlan(seed=2))
    assert other is not run
    other.state = GenerationState.DONE
    assert not queue_downstream(db, other)
    other.failures = [{"part": "rte@0", "reason": "no network"}]
    assert queue_downstream(db, other)
    pair[1].state = CheckpointState.TRAINING
    with pytest.raises(ToprankError, match="only a ready one is evaluated"):
        find_or_make_run(db, pair[1], DownstreamPlan())


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"tasks": ()}, "at least one task"),
        ({"tasks": (" ",)}, "is no name of a task"),
        ({"tasks": ("../rte",)}, "is no name of a task"),
        ({"shots": ()}, "Shots are 1 to 20 numbers"),
        ({"shots": (-1,)}, "Shots are 1 to 20 numbers"),
        ({"question_limit": 0}, "has to be 1 or more"),
        ({"question_limit": 2**31}, "has to be 1 or more"),
        ({"seed": -1}, "has to be between 0"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(values: dict[str, object], reason: str) -> None:
    with pytest.raises(ToprankError, match=reason):
        DownstreamPlan(**values)


def test_by_command_an_original_stands_beside_what_was_made_of_it(
    db: Session,
    pair: tuple[Checkpoint, Checkpoint],
    folder: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    asked = ["downstream", "base", "hyperfitted", "--tasks", "mmlu,cola", "--shots", "0,2", "--include", str(folder)]

    done = CliRunner().invoke(app, [*asked, "--now", "--json"], catch_exceptions=False)

    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [run["state"] for run in found["runs"]] == ["done", "done"]
    zero, two = found["exhibits"]["table-7"]["rows"]
    assert (zero["checkpoint"], zero["hyperfitted"], zero["shots"], two["shots"]) == ("base", "hyperfitted", 0, 2)
    assert zero["questions"] == 24
    assert zero["difference"] == pytest.approx(zero["hyperfitted_score"] - zero["score"])
    assert zero["low"] <= zero["difference"] <= zero["high"]
    assert zero["perplexity"] > 1
    assert zero["perplexity_difference"] == pytest.approx(zero["hyperfitted_perplexity"] - zero["perplexity"])
    assert two["perplexity"] is None
    (glue, more) = found["exhibits"]["table-8"]["rows"]
    assert (glue["task"], glue["metric"], glue["shots"], more["shots"]) == ("cola", "mcc", 0, 2)
    # mcc is no mean over questions: its interval is from both standard errors
    assert glue["stderr"] is not None
    assert {row["task"] for row in found["exhibits"]["downstream-tasks"]["rows"]} == {"mmlu_left", "mmlu_right"}
    shown = CliRunner().invoke(app, [*asked, "--show"], catch_exceptions=False)
    assert "Table 7: Of 2 scores" in shown.stdout
    # mmlu at 0 and 2, cola at 0 and 2
    assert "base: mmlu, cola done, 4 of 4 parts" in shown.stdout


def test_by_command_runs_are_queued_and_cancelled(
    db: Session, pair: tuple[Checkpoint, Checkpoint], folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    asked = ["downstream", "base", "--tasks", "plain", "--include", str(folder), "--json"]
    for more, state in ((), "queued"), (("--cancel",), "idle"):
        done = CliRunner().invoke(app, [*asked, *more], catch_exceptions=False)
        assert [run["state"] for run in json.loads(done.stdout)["runs"]] == [state]


def test_by_command_what_a_worker_is_at_is_left_to_it_and_a_run_that_fails_says_why(
    db: Session, pair: tuple[Checkpoint, Checkpoint], folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    asked = ["downstream", "base", "--tasks", "plain", "--include", str(folder)]
    CliRunner().invoke(app, asked, catch_exceptions=False)
    run = db.scalars(select(DownstreamRun.id)).one()

    with session_holding(database_url, downstream_lock(run)):
        busy = CliRunner().invoke(app, [*asked, "--now"]).exception
    pair[0].source = str(folder / "gone")
    db.commit()
    failed = CliRunner().invoke(app, [*asked, "--now"]).exception

    assert str(busy) == "A worker is evaluating base just now; let it end first."
    assert isinstance(failed, ToprankError)
    assert str(failed).startswith("base: There is no folder")
    assert "There is no folder" in CliRunner().invoke(app, [*asked, "--show"], catch_exceptions=False).stdout


def test_by_command_what_makes_no_sense_is_one_clear_line(
    db: Session, pair: tuple[Checkpoint, Checkpoint], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    for arguments, reason in (
        (["base", "--tasks", "mmluu"], "knows no task 'mmluu'"),
        (["base", "--shots", "few"], "give numbers with commas between"),
        ([], "Name one checkpoint at least"),
        (["bass", "--show"], r"There is no checkpoint 'bass' (checkpoints: base, hyperfitted)."),
    ):
        done = CliRunner().invoke(app, ["downstream", *arguments])
        assert isinstance(done.exception, ToprankError)
        assert reason in str(done.exception)
    assert db.scalars(select(DownstreamRun)).all() == []
    assert json.loads(CliRunner().invoke(app, ["downstream", "--show", "--json"]).output)["runs"] == []


def keep(
    db: Session, checkpoint: Checkpoint, *, seed: int = 1, each: list[float] | None = None, **score: object
) -> None:
    run = DownstreamRun(checkpoint_id=checkpoint.id, tasks=["cola"], shots=[0], seed=seed, failures=[])
    db.add(run)
    db.flush()
    values = {"part": "cola@0", "task": "cola", "shots": 0, "metric": "acc", "questions": 4, "stderr": 0.1} | score
    db.add(DownstreamScore(run_id=run.id, each=each, **values))
    db.flush()


def test_differences_are_paired_where_both_answered_the_same_questions(
    db: Session, pair: tuple[Checkpoint, Checkpoint]
) -> None:
    keep(db, pair[0], value=0.5, each=[1, 0, 1, 0])
    keep(db, pair[1], value=0.75, each=[1, 1, 1, 0])
    keep(db, pair[0], value=0.2, metric="mcc")
    keep(db, pair[1], value=0.3, metric="mcc")
    (paired, unpaired) = downstream_exhibits(db, [one.id for one in pair])[1].rows
    # differences 0, 1, 0, 0: mean 1/4, sd 1/2, standard error 1/4
    assert paired[9:12] == pytest.approx((0.25, 0.25 - 1.96 * 0.25, 0.25 + 1.96 * 0.25), abs=1e-4)
    assert unpaired[9:12] == pytest.approx((0.1, 0.1 - 1.96 * 0.02**0.5, 0.1 + 1.96 * 0.02**0.5), abs=1e-4)


def test_scores_of_other_seeds_are_not_subtracted_and_the_newest_is_shown(
    db: Session, pair: tuple[Checkpoint, Checkpoint]
) -> None:
    keep(db, pair[0], value=0.5)
    keep(db, pair[1], value=0.4)
    keep(db, pair[1], value=0.6, seed=2)
    table = downstream_exhibits(db, [one.id for one in pair])[1]
    ((_, _, _, _, _, score, _, other, _, difference, *_),) = table.rows
    assert (score, other, difference) == (0.5, 0.6, None)
    assert len(table.signatures) == 2
    (alone,) = downstream_exhibits(db, [pair[1].id])[1].rows
    assert alone[:2] == ("hyperfitted", "–")
