"""/studies/{slug}/results: what people prefer, once it may be seen."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.analysis.api import ChosenPassage, Withdrawn
from app.analysis.checks import study_checks
from app.analysis.downloads import archive_download, exhibit_download, version_of
from app.analysis.live import live_findings, open_findings
from app.analysis.looks import all_looks, check_is_open_to_look, is_open_to_look, take_look
from app.analysis.measuring import measuring_of, outdated, queue_measuring
from app.analysis.withdrawn import WithdrawnAnnotators
from app.dependencies import CurrentResearcher, DbSession
from app.domain.progress import study_progress
from app.domain.studies import find_study
from app.forms import PageForm
from app.models import Study
from app.templating import render, see_other, wants_fragment
from metrics.plots.style import Theme

router = APIRouter(prefix="/studies/{slug}")

BY_PROTOCOL = WithdrawnAnnotators.BY_PROTOCOL


@router.get("/results")
def show_results(
    request: Request,
    _researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    withdrawn: Withdrawn = BY_PROTOCOL,
    passage: ChosenPassage = None,
    seen: Annotated[str, Query(max_length=64, description="What the page shows already.")] = "",
) -> Response:
    """Every table and figure; before the study closes only progress and quality, and the way to take a look.

    To htmx, which asks every few seconds, the part that moves, and nothing while nothing moved.
    """
    study = find_study(session, slug)
    if not is_open_to_look(session, study):
        return _show_closed(request, session, study)
    state, found = live_findings(session, study, withdrawn=withdrawn, passage=passage)
    measuring = measuring_of(session, study)
    now = version_of(f"{state}/{measuring and (measuring.state, measuring.done)}")
    if seen == now:
        return Response(status_code=204)
    return render(
        request,
        "analysis/_results.html" if wants_fragment(request) else "analysis/results.html",
        study=study,
        found=found,
        looks=all_looks(session, study),
        measuring=measuring,
        outdated=len(outdated(session, study)),
        version=version_of(state),
        seen=now,
        withdrawn=withdrawn,
        passage=passage,
    )


@router.get("/results/{name}.{extension}")
def download_exhibit(
    request: Request,
    _researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    name: str,
    extension: str,
    theme: Theme = "light",
    plain: bool = False,
    withdrawn: Withdrawn = BY_PROTOCOL,
    passage: ChosenPassage = None,
) -> Response:
    """One table or figure as SVG, PDF, PNG, CSV or LaTeX."""
    state, found = open_findings(session, slug, withdrawn=withdrawn, passage=passage)
    return exhibit_download(request, state, found, (name, extension), theme=theme, plain=plain)


@router.get("/results.zip")
def download_archive(
    _researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    withdrawn: Withdrawn = BY_PROTOCOL,
    passage: ChosenPassage = None,
) -> Response:
    """Every table and figure in every format."""
    _, found = open_findings(session, slug, withdrawn=withdrawn, passage=passage)
    return archive_download(found)


@router.post("/measurements")
def submit_measuring(
    researcher: CurrentResearcher, session: DbSession, slug: str, _form: Annotated[PageForm, Form()]
) -> Response:
    """Queue the job that measures what changed."""
    study = find_study(session, slug)
    check_is_open_to_look(session, study)
    queue_measuring(session, study, by=researcher)
    return see_other(f"/studies/{study.slug}/results#measuring")


@router.post("/looks")
def submit_look(
    researcher: CurrentResearcher, session: DbSession, slug: str, _form: Annotated[PageForm, Form()]
) -> Response:
    """Record a look, which opens the results."""
    study = find_study(session, slug)
    take_look(session, study, researcher.id)
    return see_other(f"/studies/{study.slug}/results")


def _show_closed(request: Request, session: Session, study: Study) -> Response:
    return render(
        request,
        "analysis/closed.html",
        study=study,
        progress=study_progress(session, study),
        checks=study_checks(session, study),
    )
