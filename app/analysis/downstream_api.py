"""/api/v1/downstream: runs on downstream tasks, where they stand and what they found."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from app.analysis.api import ExhibitAnswer
from app.analysis.exhibits.downstream import downstream_exhibits
from app.analysis.formats import as_values
from app.api_fields import Body, RunId, Title
from app.auth.api_tokens import ApiReader, ApiWriter
from app.dependencies import DbSession
from app.domain.downstream import (
    FollowedRun,
    evaluated_checkpoints,
    find_run,
    followed,
    order_downstream,
    page_of_runs,
    queue_downstream,
    stop_downstream,
)
from app.domain.downstream_plan import (
    GLUE,
    LARGEST,
    MMLU,
    MOST_SHOT_COUNTS,
    MOST_SHOTS,
    MOST_TASKS,
    TASK_NAME,
    DownstreamPlan,
)
from app.idempotency import Once
from app.models.system import GenerationState
from app.paging import Page, Paging, page

router = APIRouter(prefix="/downstream", tags=["downstream tasks"])

TaskName = Annotated[str, Field(pattern=f"^{TASK_NAME}$", max_length=200)]
Shots = Annotated[int, Field(ge=0, le=MOST_SHOTS)]


class FailedPart(BaseModel):
    """A part that could not be evaluated, and why."""

    part: str
    reason: str


class DownstreamRunAnswer(BaseModel):
    """A checkpoint's run: `done` of `total` parts are evaluated or failed; a failed one is tried again when queued."""

    id: int
    checkpoint: str
    tasks: list[str]
    shots: list[int]
    question_limit: int | None
    seed: int
    state: GenerationState
    reason: str | None
    done: int
    total: int
    failures: list[FailedPart]
    harness: str | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, one: FollowedRun) -> Self:
        """What the rows say."""
        run = one.run
        return cls(
            id=run.id,
            checkpoint=one.checkpoint,
            tasks=run.tasks,
            shots=run.shots,
            question_limit=run.question_limit,
            seed=run.seed,
            state=run.state,
            reason=run.reason,
            done=one.done,
            total=one.total,
            failures=[FailedPart(**failure) for failure in run.failures],
            harness=run.harness,
            created_at=run.created_at,
            finished_at=run.finished_at,
        )


class DownstreamRunList(BaseModel):
    """One run for each checkpoint that was named, in this order."""

    entries: list[DownstreamRunAnswer]


class DownstreamTables(BaseModel):
    """Tables 7 and 8 and further tasks, over every checkpoint that was evaluated."""

    exhibits: dict[str, ExhibitAnswer]


class NewDownstreamRuns(Body):
    """Which checkpoints, and on what; `shots` are for every task but GLUE's, which take none and the most that fit."""

    checkpoints: Annotated[list[Title], Field(min_length=1, max_length=200)]
    tasks: Annotated[tuple[TaskName, ...], Field(min_length=1, max_length=MOST_TASKS)] = (MMLU, GLUE)
    shots: Annotated[tuple[Shots, ...], Field(min_length=1, max_length=MOST_SHOT_COUNTS)] = (0, 1, 3, 5)
    question_limit: Annotated[int | None, Field(ge=1, le=LARGEST)] = None
    seed: Annotated[int, Field(ge=0, le=LARGEST)] = 1234

    @property
    def plan(self) -> DownstreamPlan:
        """The same for the domain."""
        return DownstreamPlan(self.tasks, self.shots, self.question_limit, self.seed)


class Deed(StrEnum):
    """What to do about a run: let a worker evaluate what it lacks, or stop it."""

    QUEUE = "queue"
    CANCEL = "cancel"


class DownstreamOrder(Body):
    """What to do about a run."""

    deed: Deed


@router.get("/runs")
def list_downstream_runs(
    request: Request, _reader: ApiReader, session: DbSession, paging: Annotated[Paging, Query()]
) -> Page[DownstreamRunAnswer]:
    """Every run, the oldest first."""
    rows = page_of_runs(session, after=paging.after, limit=paging.fetched)
    return page(request, paging, rows, DownstreamRunAnswer.of)


@router.post("/runs", status_code=201)
def order_downstream_runs(
    writer: ApiWriter, session: DbSession, once: Once, body: NewDownstreamRuns
) -> DownstreamRunList:
    """Leave a run of each checkpoint to a worker; one that was asked for before in the same way goes on."""

    def deed() -> DownstreamRunList:
        runs = order_downstream(session, body.checkpoints, body.plan, by=writer)
        return DownstreamRunList(entries=[DownstreamRunAnswer.of(followed(session, run)) for run in runs])

    return once(DownstreamRunList, deed)


@router.get("/tables")
def read_downstream_tables(_reader: ApiReader, session: DbSession) -> DownstreamTables:
    """What checkpoints reach, originals beside what was made of them."""
    exhibits = downstream_exhibits(session, evaluated_checkpoints(session))
    return DownstreamTables.model_validate({"exhibits": {one.key: as_values(one) for one in exhibits}})


@router.get("/runs/{run_id}")
def show_downstream_run(_reader: ApiReader, session: DbSession, run_id: RunId) -> DownstreamRunAnswer:
    """Where a run stands."""
    return DownstreamRunAnswer.of(followed(session, find_run(session, run_id)))


@router.post("/runs/{run_id}")
def direct_downstream_run(
    writer: ApiWriter, session: DbSession, once: Once, run_id: RunId, body: DownstreamOrder
) -> DownstreamRunAnswer:
    """Queue a run again, or stop it."""

    def deed() -> DownstreamRunAnswer:
        run = find_run(session, run_id)
        (queue_downstream if body.deed is Deed.QUEUE else stop_downstream)(session, run, by=writer)
        return DownstreamRunAnswer.of(followed(session, run))

    return once(DownstreamRunAnswer, deed)
