"""/annotate: a stream of blind comparisons, one judgement after another."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.annotation import leases, page, verdicts
from app.annotation.answers import own_answers
from app.annotation.claims import Held, claim, hold
from app.annotation.kept import kept_study
from app.annotation.steps import Step, missing_step
from app.dependencies import CurrentAnnotator, DbSession
from app.domain import flags
from app.forms import PageForm
from app.models import Study
from app.models.annotation import SkipReason, VerdictShown
from app.resources import resources_of
from app.templating import is_htmx, render, see_other

router = APIRouter()

# A day: longer than any comparison is looked at, and far from what a column can hold.
LONGEST_DURATION_MS = 86_400_000


class ClaimForm(PageForm):
    """Names an assignment."""

    claim: UUID


class VerdictForm(ClaimForm):
    """A choice, with the time that the comparison was visible (milliseconds)."""

    verdict: VerdictShown
    duration_ms: Annotated[int, Field(ge=0, le=LONGEST_DURATION_MS)] = 0

    @property
    def answer(self) -> verdicts.Answer:
        """What the form says, for the domain."""
        return verdicts.Answer(self.verdict, self.duration_ms)


class SkipForm(ClaimForm):
    """Why a comparison cannot be judged."""

    reason: SkipReason


class FlagForm(ClaimForm):
    """What the researchers should know about a comparison."""

    note: Annotated[str, Field(max_length=flags.LONGEST_NOTE)]


@router.get("/annotate")
def show_annotation(
    request: Request,
    session: DbSession,
    annotator: CurrentAnnotator,
    study: Annotated[str | None, Query(max_length=63)] = None,
) -> Response:
    """The comparison that is the annotator's to judge; the same one until it is judged.

    The one GET that changes state: it leases. A browser that merely prefetches gets an empty page and leases nothing.
    """
    if is_speculative(request):
        return HTMLResponse(status_code=204)
    found = page.study_to_annotate(session, annotator.id, study)
    if found is None:
        return render(request, "annotation/no_study.html")
    if step := missing_step(session, found, annotator.id):
        return to_step(request, found, step)
    held = claim(session, found, annotator.id)
    return _show(request, session, found, annotator.id, held)


@router.post("/annotate")
def submit_verdict(
    request: Request, session: DbSession, annotator: CurrentAnnotator, form: Annotated[VerdictForm, Form()]
) -> Response:
    """Store the verdict and hand out what comes next."""
    outcome = verdicts.record_verdict(session, annotator.id, form.claim, form.answer)
    return _go_on(request, session, outcome, annotator.id)


@router.get("/annotate/revise")
def show_last_answer(
    request: Request,
    session: DbSession,
    annotator: CurrentAnnotator,
    study: Annotated[str | None, Query(max_length=63)] = None,
) -> Response:
    """The last judged comparison again, to change its verdict."""
    found = page.study_to_annotate(session, annotator.id, study)
    last = page.last_answered(session, found, annotator.id) if found else None
    if found is None or last is None:
        return see_other("/annotate")
    return render(request, "annotation/revise.html", study=found, pair=last)


@router.post("/annotate/revise")
def submit_revision(
    request: Request, session: DbSession, annotator: CurrentAnnotator, form: Annotated[VerdictForm, Form()]
) -> Response:
    """Replace the last verdict; the earlier one is kept as superseded."""
    outcome = verdicts.revise_verdict(session, annotator.id, form.claim, form.answer)
    return _go_on(request, session, outcome, annotator.id)


@router.post("/annotate/skip")
def submit_skip(
    request: Request, session: DbSession, annotator: CurrentAnnotator, form: Annotated[SkipForm, Form()]
) -> Response:
    """Give the comparison back, with a reason."""
    outcome = verdicts.skip(session, annotator.id, form.claim, form.reason)
    return _go_on(request, session, outcome, annotator.id)


@router.post("/annotate/flag")
def submit_flag(
    request: Request, session: DbSession, annotator: CurrentAnnotator, form: Annotated[FlagForm, Form()]
) -> Response:
    """Keep a note for the researchers; the comparison stays to be judged."""
    study_id = flags.flag(session, annotator.id, form.claim, form.note)
    if is_htmx(request):
        return Response(status_code=204)
    return see_other(f"/annotate?study={session.get_one(Study, study_id).slug}")


@router.get("/me/answers")
def show_answers(
    request: Request,
    session: DbSession,
    annotator: CurrentAnnotator,
    study: Annotated[str | None, Query(max_length=63)] = None,
    page_number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """One's own answers, texts only."""
    found = page.study_to_annotate(session, annotator.id, study)
    if found is None:
        return see_other("/me")
    own = own_answers(session, found, annotator.id, page=page_number)
    return render(request, "annotation/answers.html", study=found, answers=own)


@router.post("/annotate/keep", status_code=204)
def keep(session: DbSession, annotator: CurrentAnnotator, form: Annotated[ClaimForm, Form()]) -> None:
    """The page is open and in use: renew what it shows."""
    leases.keep_lease(session, annotator.id, form.claim)


@router.post("/annotate/leave", status_code=204)
def leave(session: DbSession, annotator: CurrentAnnotator, form: Annotated[ClaimForm, Form()]) -> None:
    """The page was left: others may have what it held in a minute."""
    leases.shorten_leases(session, annotator.id, form.claim)


def is_speculative(request: Request) -> bool:
    """Whether a browser or another site asks for the page without a person wanting to see it."""
    purpose = request.headers.get("sec-purpose", "") + request.headers.get("purpose", "")
    site = request.headers.get("sec-fetch-site", "same-origin")
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return "prefetch" in purpose or (site == "cross-site" and mode != "navigate")


def to_step(request: Request, study: Study, step: Step) -> Response:
    """Off to what the study asks for first; htmx is told to leave the page."""
    location = f"/annotate/{step}?study={study.slug}"
    return Response(status_code=204, headers={"HX-Redirect": location}) if is_htmx(request) else see_other(location)


def _go_on(request: Request, session: Session, outcome: verdicts.Outcome, annotator_id: int) -> Response:
    study = kept_study(session, resources_of(request).studies, outcome.study_id, outcome.study_version)
    if not is_htmx(request):
        return see_other(f"/annotate?study={study.slug}")
    if step := missing_step(session, study, annotator_id):
        return to_step(request, study, step)
    return _show(request, session, study, annotator_id, hold(session, study, annotator_id))


def _show(request: Request, session: Session, study: Study, annotator_id: int, held: Held) -> HTMLResponse:
    """The whole page, or to htmx only the part that changes.

    Committed before it is written: another request can have the connection meanwhile, and no other thread is needed.
    """
    seen = page.read_page(session, study, annotator_id, held)
    standing = None if seen.shown else page.standing(session, study, annotator_id)
    session.commit()
    return render(
        request,
        "annotation/_judgement.html" if is_htmx(request) else "annotation/annotate.html",
        study=study,
        shown=seen.shown,
        following=seen.following,
        judged_today=seen.judged_today,
        standing=standing,
        owner=page.owner(resources_of(request).key, annotator_id),
    )
