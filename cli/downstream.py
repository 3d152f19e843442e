"""`toprank downstream`: what checkpoints reach on downstream tasks, original beside hyperfitted."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connection import DataDir, database_url, transaction

if TYPE_CHECKING:
    from app.domain.downstream_plan import DownstreamPlan


def downstream(
    checkpoint: Annotated[
        list[str] | None, typer.Argument(help="Checkpoints, such as a base and what was made of it; with --show, all.")
    ] = None,
    tasks: Annotated[str, typer.Option(help="mmlu, glue, or tasks of lm-evaluation-harness; commas between.")] = (
        "mmlu,glue"
    ),
    shots: Annotated[str, typer.Option(help="Examples before each question; glue takes 0 and the most that fit.")] = (
        "0,1,3,5"
    ),
    limit: Annotated[int | None, typer.Option(help="Only so many questions of each task, to try it out.")] = None,
    seed: Annotated[int, typer.Option(help="Which examples are drawn.")] = 1234,
    task_folder: Annotated[
        Path | None, typer.Option("--include", help="A folder with further tasks in the harness's own format.")
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Do it here instead of leaving it to workers.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Only print what is there.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop their runs; what is evaluated stays.")] = False,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Evaluate checkpoints on MMLU and GLUE (paper B.4) by lm-evaluation-harness; what is there stays."""
    from app.domain.downstream_plan import DownstreamPlan, read_shots, read_tasks
    from app.errors import ToprankError

    if not checkpoint and not show:
        raise ToprankError("Name one checkpoint at least; without any, --show prints what all of them reach.")
    names = checkpoint or []
    plan = DownstreamPlan(
        tasks=read_tasks(tasks),
        shots=read_shots(shots),
        question_limit=limit,
        seed=seed,
        task_folder=str(task_folder.resolve()) if task_folder else None,
    )
    if cancel:
        _cancel(names, data_dir)
    elif not show:
        _order(names, plan, data_dir, now=now)
    _report(names, data_dir, as_json=as_json)


def _order(names: list[str], plan: "DownstreamPlan", data_dir: Path | None, *, now: bool) -> None:
    from importlib.util import find_spec

    from app.domain.downstream import find_checkpoints, find_or_make_run, order_downstream
    from app.domain.downstream_plan import parts_of

    if now or find_spec("lm_eval") is not None:  # elsewhere, the worker says what it does not know
        from generation.downstream.harness import task_manager

        task_manager([part.task for part in parts_of(plan.tasks, plan.shots)], plan.task_folder)
    with transaction(data_dir) as session:
        if not now:
            order_downstream(session, names, plan)
            return
        ids = [find_or_make_run(session, one, plan).id for one in find_checkpoints(session, names)]
    _evaluate_here(dict(zip(ids, dict.fromkeys(names), strict=True)), data_dir)


def _cancel(names: list[str], data_dir: Path | None) -> None:
    from app.domain.downstream import find_checkpoints, runs_of, stop_downstream

    with transaction(data_dir) as session:
        for one in runs_of(session, [checkpoint.id for checkpoint in find_checkpoints(session, names)]):
            stop_downstream(session, one.run)


def _evaluate_here(runs: dict[int, str], data_dir: Path | None) -> None:
    """Raises ToprankError, with the reason that is kept as well, for the first run of which nothing was evaluated."""
    from rich.console import Console

    from app.errors import ConflictError, ToprankError
    from app.models import DownstreamRun
    from app.settings import Settings
    from generation.downstream.evaluation import DownstreamOrder, evaluate
    from generation.generate import Outcome

    console = Console(stderr=True)
    for run_id, name in runs.items():
        order = DownstreamOrder(database_url(data_dir), run_id, Settings().generation_batch)
        outcome = evaluate(order, lambda report: console.print(str(report), markup=False))
        if outcome is Outcome.BUSY:
            raise ConflictError(f"A worker is evaluating {name} just now; let it end first.")
        if outcome is Outcome.FAILED:
            with transaction(data_dir) as session:
                reason = session.get_one(DownstreamRun, run_id).reason
            raise ToprankError(f"{name}: {reason}")


def _report(names: list[str], data_dir: Path | None, *, as_json: bool) -> None:
    from app.analysis.exhibits.downstream import downstream_exhibits
    from app.analysis.formats import as_values
    from app.domain.downstream import evaluated_checkpoints, find_checkpoints, runs_of

    with transaction(data_dir) as session:
        ids = [one.id for one in find_checkpoints(session, names)] if names else evaluated_checkpoints(session)
        exhibits = downstream_exhibits(session, ids)
        runs = [
            {"id": one.run.id, "checkpoint": one.checkpoint, "tasks": one.run.tasks, "shots": one.run.shots}
            | {"state": str(one.run.state), "done": one.done, "total": one.total}
            | {"reason": one.run.reason, "failures": one.run.failures, "harness": one.run.harness}
            for one in runs_of(session, ids)
        ]
    if as_json:
        print(json.dumps({"runs": runs, "exhibits": {one.key: as_values(one) for one in exhibits}}, indent=2))
        return
    _print(runs, [one for one in exhibits if one.rows])


def _print(runs: list[dict[str, Any]], exhibits: list[Any]) -> None:
    from rich.console import Console

    from cli.results import table_of

    console = Console()
    for run in runs:
        line = f"{run['checkpoint']}: {', '.join(run['tasks'])} {run['state']}, {run['done']} of {run['total']} parts"
        console.print(line + (f" ({run['reason']})" if run["reason"] else ""), markup=False, highlight=False)
        for failure in run["failures"]:
            console.print(f"  {failure['part']} failed: {failure['reason']}", markup=False, highlight=False)
    for exhibit in exhibits:
        console.print(f"\n{exhibit.name}: {exhibit.title}", style="bold", markup=False, highlight=False)
        console.print(table_of(exhibit))
