"""/api/v1/jobs: what workers do."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request

from app.api_fields import NewSlug
from app.auth.api_tokens import ApiReader
from app.dependencies import DbSession
from app.domain.jobs import Job, page_of_jobs
from app.domain.studies import find_study
from app.paging import Page, Paging, page

router = APIRouter(prefix="/jobs", tags=["jobs"])


class JobQuery(Paging):
    """Which jobs: of one study, or only those that wait or run."""

    study: Annotated[NewSlug | None, Field(description="Only of this study.", examples=["poems"])] = None
    waiting: Annotated[bool, Field(description="Only those that wait or run.", examples=[True])] = False


@router.get("")
def list_jobs(
    request: Request, _reader: ApiReader, session: DbSession, asked: Annotated[JobQuery, Query()]
) -> Page[Job]:
    """Jobs on models, the oldest first."""
    study = find_study(session, asked.study) if asked.study else None
    rows = page_of_jobs(session, after=asked.after, limit=asked.fetched, study=study, waiting=asked.waiting)
    return page(request, asked, rows, lambda job: job)
