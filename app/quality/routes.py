"""/studies/{slug}/quality: how each annotator works, what they tell the researchers, and decisions about them."""

from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import CurrentResearcher, DbSession
from app.domain.flags import count_flags, flagged
from app.domain.reviews import pause, resume
from app.domain.rules import rules_of
from app.domain.studies import find_study
from app.domain.withdrawals import withdraw
from app.forms import PageForm
from app.quality.deciding import about_annotator
from app.quality.measures import study_quality
from app.templating import render, see_other

router = APIRouter(prefix="/studies/{slug}/quality")


class DecisionForm(PageForm):
    """Why somebody is paused, resumed or withdrawn; kept with the decision."""

    reason: Annotated[str, Field(max_length=500)] = ""


@router.get("")
def show_quality(request: Request, _researcher: CurrentResearcher, session: DbSession, slug: str) -> Response:
    """Every annotator of the study; who waits for a review comes first."""
    study = find_study(session, slug)
    return render(
        request,
        "quality/show.html",
        study=study,
        rules=rules_of(study),
        annotators=study_quality(session, study),
        flags=count_flags(session, study),
    )


@router.get("/flags")
def show_flags(request: Request, _researcher: CurrentResearcher, session: DbSession, slug: str) -> Response:
    """Annotators' notes about single comparisons, the newest first. No system is named: looks are taken elsewhere."""
    study = find_study(session, slug)
    return render(request, "quality/flags.html", study=study, flags=flagged(session, study)[::-1])


@router.post("/{annotator}/pause")
def submit_pause(
    researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    annotator: str,
    form: Annotated[DecisionForm, Form()],
) -> Response:
    """Hand the annotator nothing new until somebody resumes them."""
    about_annotator(session, slug, annotator, pause, by_id=researcher.id, reason=form.reason)
    return see_other(f"/studies/{slug}/quality")


@router.post("/{annotator}/resume")
def submit_resumption(
    researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    annotator: str,
    form: Annotated[DecisionForm, Form()],
) -> Response:
    """Let the annotator go on; thresholds look only at what they answer from now on."""
    about_annotator(session, slug, annotator, resume, by_id=researcher.id, reason=form.reason)
    return see_other(f"/studies/{slug}/quality")


@router.post("/{annotator}/withdraw")
def submit_withdrawal(
    researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    annotator: str,
    form: Annotated[DecisionForm, Form()],
) -> Response:
    """Take the annotator out of the study for good, by the rule that its protocol locked."""
    about_annotator(session, slug, annotator, withdraw, by_id=researcher.id, reason=form.reason)
    return see_other(f"/studies/{slug}/quality")
