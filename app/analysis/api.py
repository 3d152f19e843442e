"""/api/v1/studies/{slug}/results: every table and figure as values, under the same rules as the page."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.analysis.archive import results_values
from app.analysis.live import open_findings
from app.analysis.looks import check_is_open_to_look, take_look
from app.analysis.measuring import queue_measuring, standing_of
from app.analysis.withdrawn import WithdrawnAnnotators
from app.api_fields import StudySlug
from app.auth.api_tokens import ApiReader, ApiWriter
from app.dependencies import DbSession
from app.domain.studies import find_study
from app.idempotency import Once
from app.models.system import GenerationState
from app.paging import RowId

router = APIRouter(prefix="/studies/{slug}", tags=["results"])

Withdrawn = Annotated[
    WithdrawnAnnotators,
    Query(description="Whether the annotations of annotators who withdrew count.", examples=["protocol"]),
]
ChosenPassage = Annotated[
    RowId | None, Query(description="The text of Figure 4, by its passage's number.", examples=[17])
]


class CheckAnswer(BaseModel):
    """A condition on the study itself; `passed` is null where there is nothing to check it on."""

    name: str
    passed: bool | None
    found: str


class DatasetAnswer(BaseModel):
    """One system in one scenario on one dataset; shares are null without annotations."""

    dataset: str
    n: int
    candidate: int
    equal: int
    reference: int
    preference_ratio: float | None
    parity_line: float | None
    ties_as_half: float | None
    wanted: int
    continuations: int
    recalled: int
    mean_ttr: float | None
    original_ttr: float | None


class SystemAnswer(BaseModel):
    """One system in one scenario: means over datasets, null while one lacks what they are of."""

    system: str
    scenario: int
    n: int
    wanted: int
    mean_preference_ratio: float | None
    mean_parity_line: float | None
    mean_ttr: float | None
    signature: str
    datasets: list[DatasetAnswer]


class ReportedAnswer(BaseModel):
    """What the paper or others report; not computed here."""

    what: str
    value: str
    source: str
    reported: bool


class ExhibitAnswer(BaseModel):
    """A table or figure: rows by column, an interval as a pair; `missing` says why there are none."""

    key: str
    name: str
    title: str
    caption: str
    rows: list[dict[str, Any]]
    signatures: list[str]
    notes: list[str]
    missing: str | None
    reported: list[ReportedAnswer]


class ResultsAnswer(BaseModel):
    """Everything of a study at one moment, with what made it and what keeps it from being final."""

    study: str
    state: str
    queried_at: datetime
    protocol_sha256: str
    protocol_locked: bool
    look: int | None
    withdrawn_annotators: WithdrawnAnnotators
    final: bool
    shortcomings: list[str]
    checks: list[CheckAnswer]
    systems: list[SystemAnswer]
    exhibits: dict[str, ExhibitAnswer]


class MeasuringAnswer(BaseModel):
    """Whether a job was queued; false where nothing changed, or one waits already."""

    queued: bool


class MeasuringStanding(BaseModel):
    """How far the job is; `state` is null before the first, and `outdated` counts systems that it would measure."""

    state: GenerationState | None
    done: int
    total: int
    reason: str | None
    outdated: int


class LookAnswer(BaseModel):
    """A look on record."""

    number: int
    looked_at: datetime


@router.get("/results")
def read_results(
    _reader: ApiReader,
    session: DbSession,
    slug: StudySlug,
    withdrawn: Withdrawn = WithdrawnAnnotators.BY_PROTOCOL,
    passage: ChosenPassage = None,
) -> ResultsAnswer:
    """Every table and figure; before the study closes this needs a look."""
    _, found = open_findings(session, slug, withdrawn=withdrawn, passage=passage)
    return ResultsAnswer.model_validate(results_values(found))


@router.post("/looks", status_code=201)
def add_look(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug) -> LookAnswer:
    """Take a look at an open study's results: numbered, kept under your name, printed on what is made after it."""
    study = find_study(session, slug)

    def look() -> LookAnswer:
        return LookAnswer.model_validate(take_look(session, study, writer.id), from_attributes=True)

    return once(LookAnswer, look)


@router.get("/measurements")
def show_measuring(_reader: ApiReader, session: DbSession, slug: StudySlug) -> MeasuringStanding:
    """How far the measuring of diversity and overlap is, and how many systems it has not seen as they are now."""
    return MeasuringStanding.model_validate(standing_of(session, find_study(session, slug)), from_attributes=True)


@router.post("/measurements")
def order_measuring(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug) -> MeasuringAnswer:
    """Queue the job that measures diversity and overlap of what changed; under the same rule as the results."""

    def deed() -> MeasuringAnswer:
        study = find_study(session, slug)
        check_is_open_to_look(session, study)
        return MeasuringAnswer(queued=queue_measuring(session, study, by=writer))

    return once(MeasuringAnswer, deed)
