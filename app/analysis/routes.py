"""/studies/{slug}/results: what people prefer, once it may be seen."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from app.analysis.looks import is_open_to_look, last_look, take_look
from app.analysis.preferences import study_results
from app.dependencies import CurrentResearcher, DbSession
from app.domain.progress import study_progress
from app.domain.studies import find_study
from app.forms import PageForm
from app.models.system import SCENARIOS
from app.templating import render, see_other

router = APIRouter(prefix="/studies/{slug}")


@router.get("/results")
def show_results(request: Request, _researcher: CurrentResearcher, session: DbSession, slug: str) -> Response:
    """Results by system; before the study closes only progress, and the way to take a look."""
    study = find_study(session, slug)
    if not is_open_to_look(session, study):
        return render(request, "analysis/closed.html", study=study, progress=study_progress(session, study))
    return render(
        request,
        "analysis/results.html",
        study=study,
        results=study_results(session, study),
        scenarios=SCENARIOS,
        look=last_look(session, study),
    )


@router.post("/looks")
def submit_look(
    researcher: CurrentResearcher, session: DbSession, slug: str, _form: Annotated[PageForm, Form()]
) -> Response:
    """Record a look, which opens the results."""
    study = find_study(session, slug)
    take_look(session, study, researcher.id)
    return see_other(f"/studies/{study.slug}/results")
