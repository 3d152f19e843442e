"""/studies/{slug}/export: every judgement of a study as a download, and the form that asks for it."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import CurrentResearcher, DbSession
from app.domain.audit import AuditFilter, audit_page
from app.domain.studies import find_study, names_in
from app.export.formats import FileFormat
from app.export.orders import ExportQuery, export_download
from app.export.query import COLUMNS, STATUSES, TEXT_COLUMNS
from app.models.system import SCENARIOS
from app.resources import resources_of
from app.templating import render

router = APIRouter(prefix="/studies/{slug}")

SHOWN_EXPORTS = 10


@router.get("/export")
def show_export(request: Request, _researcher: CurrentResearcher, session: DbSession, slug: str) -> Response:
    """What can be chosen, and who took what before."""
    study = find_study(session, slug)
    datasets, systems = names_in(session, study)
    before = AuditFilter(action="study.export", subject_type="study", subject_id=study.id)
    return render(
        request,
        "export/show.html",
        study=study,
        choices={"dataset": datasets, "system": systems, "status": STATUSES, "scenario": SCENARIOS},
        formats=list(FileFormat),
        columns=COLUMNS,
        text_columns=TEXT_COLUMNS,
        exports=audit_page(session, before, limit=SHOWN_EXPORTS),
    )


@router.get("/export.{file_format}")
def download_export(
    request: Request,
    researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    file_format: FileFormat,
    asked: Annotated[ExportQuery, Query()],
) -> Response:
    """The file, while it is made: from a session of its own, since this request's ends before the first byte."""
    study = find_study(session, slug)
    return export_download(session, resources_of(request), study, asked.order(file_format), by_id=researcher.id)
