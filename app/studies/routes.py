"""/studies: every study, and how far each is."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import CurrentResearcher, DbSession
from app.domain.generation_queue import queue_generation, retry_systems, stop_systems
from app.domain.jobs import page_of_jobs
from app.domain.progress import columns, study_progress
from app.domain.scoring_queue import queue_scoring
from app.domain.staffing import staffing
from app.domain.studies import all_studies, find_study
from app.forms import PageForm
from app.models.study import StudyState
from app.studies.alerts import alerts
from app.studies.pace import bars, pace
from app.templating import render, see_other, wants_fragment

router = APIRouter(prefix="/studies")


class GenerationForm(PageForm):
    """Which system's generation it is about; every one's without a name."""

    system: Annotated[str, Field(max_length=200)] = ""


@router.get("")
def list_studies(request: Request, _researcher: CurrentResearcher, session: DbSession) -> Response:
    """All studies with their progress."""
    studies = [(study, study_progress(session, study)) for study in all_studies(session)]
    return render(request, "studies/list.html", studies=studies)


@router.get("/{slug}")
def show_study(request: Request, _researcher: CurrentResearcher, session: DbSession, slug: str) -> Response:
    """One study's progress; to htmx, which asks every few seconds, only the part that moves."""
    study = find_study(session, slug)
    progress = study_progress(session, study)
    found = pace(session, study, progress)
    return render(
        request,
        "studies/_progress.html" if wants_fragment(request) else "studies/show.html",
        study=study,
        progress=progress,
        staffing=staffing(session, study),
        pace=found,
        bars=bars(found.hours),
        alerts=alerts(session, study, progress),
        jobs=page_of_jobs(session, study=study, waiting=True),
        speeds={one.name: one.tokens_per_second for one in progress.systems},
        shows_texts=study.open_to_look or study.state == StudyState.CLOSED,
        columns=columns(progress),
    )


@router.post("/{slug}/generation/{deed}")
def submit_generation(
    researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    deed: Literal["queue", "pause", "cancel", "retry"],
    form: Annotated[GenerationForm, Form()],
) -> Response:
    """Queue what is missing, stop for now, stop until it is queued again, or queue what was paused as well."""
    study = find_study(session, slug)
    names = [form.system] if form.system else []
    if deed == "queue":
        queue_generation(session, study, names, by=researcher)
    elif deed == "retry":
        retry_systems(session, study, names, by=researcher)
    else:
        stop_systems(session, study, names, pause=deed == "pause", by=researcher)
    return see_other(f"/studies/{study.slug}")


@router.post("/{slug}/scoring")
def submit_scoring(
    researcher: CurrentResearcher, session: DbSession, slug: str, _form: Annotated[PageForm, Form()]
) -> Response:
    """Queue what the study's checkpoints have not read."""
    study = find_study(session, slug)
    queue_scoring(session, study, by=researcher)
    return see_other(f"/studies/{study.slug}")
