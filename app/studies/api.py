"""/api/v1/studies: making, changing, opening and closing studies, and how far they are."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from app.api_fields import StudySlug
from app.auth.api_tokens import ApiReader, ApiWriter
from app.auth.body_limit import OF_A_PROGRAM, takes_up_to
from app.dependencies import DbSession
from app.domain.progress import StudyProgress, study_progress
from app.domain.protocol import locked_protocol, protocol_hash, study_protocol
from app.domain.studies import (
    StudyPlan,
    create_study,
    dataset_names,
    find_study,
    move_study,
    page_of_studies,
    tokenizer_of_checkpoint,
)
from app.domain.study_drafts import Copy, copy_study
from app.domain.study_settings import change_settings, freedoms, settings_of
from app.errors import ToprankError
from app.idempotency import Once
from app.models import Study
from app.paging import Page, Paging, page
from app.studies.alerts import alerts
from app.studies.api_models import Alerts, NewCopy, NewState, NewStudy, StudyChange, StudyDetails, StudySummary
from app.studies.forecast import Forecast, forecast
from app.studies.pace import Pace, pace

router = APIRouter(prefix="/studies", tags=["studies"])


@router.get("")
def list_studies(
    request: Request, _reader: ApiReader, session: DbSession, paging: Annotated[Paging, Query()]
) -> Page[StudySummary]:
    """Every study, the oldest first."""
    rows = page_of_studies(session, after=paging.after, limit=paging.fetched)
    return page(request, paging, rows, StudySummary.of)


@router.post("", status_code=201)
@takes_up_to(OF_A_PROGRAM)
def create(writer: ApiWriter, session: DbSession, once: Once, body: NewStudy) -> StudyDetails:
    """Make a draft."""

    def deed() -> StudyDetails:
        return details(session, create_study(session, _plan(session, body), by=writer))

    return once(StudyDetails, deed)


@router.get("/{slug}")
def show_study(_reader: ApiReader, session: DbSession, slug: StudySlug) -> StudyDetails:
    """One study with its settings, and how far each may change."""
    return details(session, find_study(session, slug))


@router.patch("/{slug}")
def change_study(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, body: StudyChange) -> StudyDetails:
    """Change settings; 409 for one that is locked in the study's state."""

    def deed() -> StudyDetails:
        study = find_study(session, slug)
        change_settings(session, study, body.model_dump(exclude_unset=True), by=writer)
        return details(session, study)

    return once(StudyDetails, deed)


@router.post("/{slug}/copies", status_code=201)
def copy(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, body: NewCopy) -> StudyDetails:
    """Make a draft like this study."""

    def deed() -> StudyDetails:
        wanted = Copy(body.slug, body.title, body.passages)
        return details(session, copy_study(session, find_study(session, slug), wanted, by=writer))

    return once(StudyDetails, deed)


@router.put("/{slug}/state")
def move(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, body: NewState) -> StudyDetails:
    """Open, pause or close a study; 409 where its state, or what it lacks, forbids it."""

    def deed() -> StudyDetails:
        return details(session, move_study(session, find_study(session, slug), body.state, by=writer))

    return once(StudyDetails, deed)


@router.get("/{slug}/forecast")
def show_forecast(_reader: ApiReader, session: DbSession, slug: StudySlug) -> Forecast:
    """What the study will take: comparisons, annotations, people, hours and cost; and what it will tell."""
    return forecast(session, find_study(session, slug))


@router.get("/{slug}/progress")
def show_progress(_reader: ApiReader, session: DbSession, slug: StudySlug) -> StudyProgress:
    """How far the study is, by system, dataset and scenario; never what people prefer."""
    return study_progress(session, find_study(session, slug))


@router.get("/{slug}/pace")
def show_pace(_reader: ApiReader, session: DbSession, slug: StudySlug) -> Pace:
    """Annotations an hour, when the study is done at that pace, and what it has cost and will."""
    study = find_study(session, slug)
    return pace(session, study, study_progress(session, study))


@router.get("/{slug}/alerts")
def show_alerts(_reader: ApiReader, session: DbSession, slug: StudySlug) -> Alerts:
    """What about the study wants a person's eye now, the most urgent first."""
    study = find_study(session, slug)
    return Alerts(entries=alerts(session, study, study_progress(session, study)))


@router.get("/{slug}/protocol")
def show_protocol(_reader: ApiReader, session: DbSession, slug: StudySlug) -> dict[str, Any]:
    """What determines the study's results: as it was locked, or as it stands in a draft."""
    study = find_study(session, slug)
    locked = locked_protocol(session, study)
    return locked.content if locked else study_protocol(session, study)


def details(session: Session, study: Study) -> StudyDetails:
    """Everything that the API says of a study."""
    locked = locked_protocol(session, study)
    return StudyDetails(
        **StudySummary.of(study).model_dump(),
        settings=settings_of(study),
        freedoms=freedoms(study),
        datasets=dataset_names(session, study),
        protocol_sha256=locked.sha256 if locked else protocol_hash(study_protocol(session, study)),
        is_locked=locked is not None,
    )


def _plan(session: Session, body: NewStudy) -> StudyPlan:
    values = body.model_dump(exclude={"tokenizer_of_checkpoint", "tokenizer_json"})
    if (body.tokenizer_json is None) == (body.tokenizer_of_checkpoint is None):
        raise TokenizerChoiceError
    if body.tokenizer_json is not None:
        kept, name = body.tokenizer_json.encode(), "tokenizer"
    else:
        name = str(body.tokenizer_of_checkpoint)
        kept = tokenizer_of_checkpoint(session, name)
    return StudyPlan(**(values | {"datasets": tuple(body.datasets)}), tokenizer_json=kept, tokenizer_name=name)


class TokenizerChoiceError(ToprankError):
    """Say what lengths are counted in by one of tokenizer_of_checkpoint and tokenizer_json."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)
