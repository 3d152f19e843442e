"""/annotate/consent, english, guidelines, qualification: what a study asks for before the first comparison."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import Response
from pydantic import Field

from app.annotation import page, qualification, verdicts
from app.annotation.routes import VerdictForm
from app.annotation.steps import Step, asked_steps, give_consent, has_read_before, missing_step, note_reading
from app.dependencies import CurrentAnnotator, DbSession, Visitor
from app.domain.english import english_of, record_english
from app.domain.taking_part import consent_form
from app.forms import EnglishForm, PageForm
from app.models import Study
from app.templating import render, see_other

router = APIRouter(prefix="/annotate")

Version = Annotated[int, Field(ge=0, le=2**31)]


class ConsentGiven(PageForm):
    """Which version somebody agrees to."""

    version: Version


class ReadingForm(PageForm):
    """Which guidelines were read, and since when (seconds since 1970)."""

    version: Version
    opened: Annotated[int, Field(ge=0, le=2**40)]

    @property
    def took(self) -> timedelta:
        """How long the page was open."""
        return datetime.now(UTC) - datetime.fromtimestamp(self.opened, UTC)


def find_study(
    session: DbSession, annotator: CurrentAnnotator, study: Annotated[str | None, Query(max_length=63)] = None
) -> Study | None:
    """The study that the address names, else the one that /annotate would show."""
    return page.study_to_annotate(session, annotator.id, study)


ChosenStudy = Annotated[Study | None, Depends(find_study)]


@router.get("/consent")
def show_consent(request: Request, session: DbSession, annotator: CurrentAnnotator, study: ChosenStudy) -> Response:
    """What taking part means."""
    form = consent_form(session, study) if study else None
    if study is None or form is None:
        return see_other("/annotate")
    return _show(request, session, study, annotator, Step.CONSENT, form=form)


@router.post("/consent")
def submit_consent(
    session: DbSession, annotator: CurrentAnnotator, study: ChosenStudy, form: Annotated[ConsentGiven, Form()]
) -> Response:
    """Keep the agreement."""
    if study is not None:
        give_consent(session, study, annotator.id, version=form.version)
    return _go_on(study)


@router.get("/english")
def show_english(request: Request, session: DbSession, annotator: CurrentAnnotator, study: ChosenStudy) -> Response:
    """How the annotator's English was verified."""
    if study is None:
        return see_other("/annotate")
    known = english_of(session, annotator.id)
    return _show(request, session, study, annotator, Step.ENGLISH, known=known, today=datetime.now(UTC).date())


@router.post("/english")
def submit_english(
    session: DbSession, annotator: CurrentAnnotator, study: ChosenStudy, form: Annotated[EnglishForm, Form()]
) -> Response:
    """Keep the statement."""
    record_english(session, annotator.id, form.statement, recorded_by=annotator.id)
    return _go_on(study)


@router.get("/guidelines")
def show_guidelines(request: Request, session: DbSession, annotator: CurrentAnnotator, study: ChosenStudy) -> Response:
    """The guidelines; to be read before going on, or once more."""
    if study is None:
        return see_other("/annotate")
    return _show(
        request,
        session,
        study,
        annotator,
        Step.GUIDELINES,
        changed=has_read_before(session, study, annotator.id),
        opened=int(datetime.now(UTC).timestamp()),
    )


@router.post("/guidelines")
def submit_reading(
    session: DbSession, annotator: CurrentAnnotator, study: ChosenStudy, form: Annotated[ReadingForm, Form()]
) -> Response:
    """Keep that they were read."""
    if study is not None:
        note_reading(session, study, annotator.id, version=form.version, took=form.took)
    return _go_on(study)


@router.get("/qualification")
def show_qualification(
    request: Request, session: DbSession, annotator: CurrentAnnotator, study: ChosenStudy
) -> Response:
    """The training comparison to judge, or the explanation of the last, or the result."""
    if study is None or study.pass_mark == 0:
        return see_other("/annotate")
    standing = qualification.qualifying(session, study, annotator.id)
    return _show(request, session, study, annotator, Step.QUALIFICATION, standing=standing)


@router.post("/qualification")
def submit_training_verdict(
    session: DbSession, annotator: CurrentAnnotator, form: Annotated[VerdictForm, Form()]
) -> Response:
    """Keep the answer; the page that follows explains it."""
    outcome = verdicts.record_verdict(session, annotator.id, form.claim, form.answer)
    study = session.get_one(Study, outcome.study_id)
    qualification.close_attempt(session, study, annotator.id)
    return see_other(f"/annotate/qualification?study={study.slug}")


@router.post("/qualification/next")
def ask_next_training(
    session: DbSession, annotator: CurrentAnnotator, study: ChosenStudy, _form: Annotated[PageForm, Form()]
) -> Response:
    """Show the next training comparison, or begin an attempt."""
    if study is None or study.pass_mark == 0:
        return see_other("/annotate")
    step = missing_step(session, study, annotator.id)
    if step == Step.QUALIFICATION:
        qualification.ask_next(session, study, annotator.id)
        return see_other(f"/annotate/qualification?study={study.slug}")
    return _go_on(study)


def _show(
    request: Request, session: DbSession, study: Study, annotator: Visitor, step: Step, **context: Any
) -> Response:
    return render(
        request,
        f"annotation/{step}.html",
        study=study,
        step=step,
        steps=asked_steps(study),
        is_missing=missing_step(session, study, annotator.id) == step,
        **context,
    )


def _go_on(study: Study | None) -> Response:
    return see_other(f"/annotate?study={study.slug}" if study else "/annotate")
