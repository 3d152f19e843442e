"""/checkpoints/downstream: evaluate checkpoints on downstream tasks, watch it, and read Tables 7 and 8.

A study's results have the tables of its systems' checkpoints.
"""

from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.analysis.exhibits.downstream import downstream_exhibits
from app.analysis.formats import as_csv
from app.dependencies import CurrentResearcher, DbSession
from app.domain.downstream import (
    evaluated_checkpoints,
    find_run,
    order_downstream,
    queue_downstream,
    runs_of,
    stop_downstream,
)
from app.domain.downstream_plan import GLUE, LARGEST, MMLU, DownstreamPlan, read_shots, read_tasks
from app.domain.systems import all_checkpoints
from app.errors import NotFoundError
from app.forms import Empty, PageForm
from app.models.checkpoint import CheckpointState
from app.paging import RowId
from app.templating import is_htmx, render, see_other

PAGE = "/checkpoints/downstream"
router = APIRouter(prefix=PAGE)

Title = Annotated[str, Field(min_length=1, max_length=200)]


class DownstreamForm(PageForm):
    """Which checkpoints, and on what; the defaults are the paper's. A folder of tasks is a command's alone."""

    checkpoints: Annotated[list[Title], Field(max_length=200, default_factory=list)]
    mmlu: bool = False
    glue: bool = False
    others: Annotated[str, Field(max_length=20_000)] = ""
    shots: Annotated[str, Field(max_length=200)] = "0, 1, 3, 5"
    question_limit: Annotated[int | None, Field(ge=1, le=LARGEST), Empty] = None
    seed: Annotated[int, Field(ge=0, le=LARGEST)] = 1234

    @property
    def plan(self) -> DownstreamPlan:
        """The same for the domain. Raises ToprankError for what makes no sense."""
        chosen = [name for name, is_chosen in ((MMLU, self.mmlu), (GLUE, self.glue)) if is_chosen]
        return DownstreamPlan(
            tasks=tuple(dict.fromkeys((*chosen, *read_tasks(self.others)))),
            shots=read_shots(self.shots),
            question_limit=self.question_limit,
            seed=self.seed,
        )


@router.get("")
def show_downstream(request: Request, _researcher: CurrentResearcher, session: DbSession) -> Response:
    """Where the runs stand, and Tables 7 and 8 over every checkpoint; to htmx, which asks while one goes on, alone."""
    ids = evaluated_checkpoints(session)
    exhibits = [one for one in downstream_exhibits(session, ids) if one.rows]
    page = "analysis/_downstream.html" if is_htmx(request) else "analysis/downstream.html"
    return render(request, page, exhibits=exhibits, runs=runs_of(session, ids))


@router.post("")
def order_runs(researcher: CurrentResearcher, session: DbSession, form: Annotated[DownstreamForm, Form()]) -> Response:
    """Leave a run of each checkpoint to a worker."""
    order_downstream(session, form.checkpoints, form.plan, by=researcher)
    return see_other(f"{PAGE}#runs")


@router.get("/new")
def show_form(request: Request, _researcher: CurrentResearcher, session: DbSession, checkpoint: str = "") -> Response:
    """The form that orders runs; an address may have chosen a checkpoint."""
    ready = [one for one in all_checkpoints(session) if one.state is CheckpointState.READY]
    return render(request, "analysis/downstream_new.html", checkpoints=ready, chosen=checkpoint)


@router.post("/{run_id}/cancel")
def cancel_run(
    researcher: CurrentResearcher, session: DbSession, run_id: RowId, _form: Annotated[PageForm, Form()]
) -> Response:
    """Stop a run; what is evaluated stays."""
    stop_downstream(session, find_run(session, run_id), by=researcher)
    return see_other(f"{PAGE}#runs")


@router.post("/{run_id}/queue")
def go_on(
    researcher: CurrentResearcher, session: DbSession, run_id: RowId, _form: Annotated[PageForm, Form()]
) -> Response:
    """Let a worker evaluate what a run lacks."""
    queue_downstream(session, find_run(session, run_id), by=researcher)
    return see_other(f"{PAGE}#runs")


@router.get("/{key}.csv")
def download_downstream(_researcher: CurrentResearcher, session: DbSession, key: str) -> Response:
    """One of the tables."""
    for exhibit in downstream_exhibits(session, evaluated_checkpoints(session)):
        if exhibit.key == key:
            headers = {"Content-Disposition": f'attachment; filename="{key}.csv"'}
            return Response(as_csv(exhibit), media_type="text/csv; charset=utf-8", headers=headers)
    raise NotFoundError(f"There is no table {key!r}.")
