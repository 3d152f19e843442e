"""/studies: every study, and how far each is."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import CurrentResearcher, DbSession
from app.domain.progress import study_progress
from app.domain.staffing import staffing
from app.domain.studies import all_studies, find_study
from app.templating import is_htmx, render

router = APIRouter(prefix="/studies")


@router.get("")
def list_studies(request: Request, _researcher: CurrentResearcher, session: DbSession) -> Response:
    """All studies with their progress."""
    studies = [(study, study_progress(session, study)) for study in all_studies(session)]
    return render(request, "studies/list.html", studies=studies)


@router.get("/{slug}")
def show_study(request: Request, _researcher: CurrentResearcher, session: DbSession, slug: str) -> Response:
    """One study's progress; to htmx, which asks every few seconds, only the part that moves."""
    study = find_study(session, slug)
    return render(
        request,
        "studies/_progress.html" if is_htmx(request) else "studies/show.html",
        study=study,
        progress=study_progress(session, study),
        staffing=staffing(session, study),
    )
