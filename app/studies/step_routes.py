"""What the steps of the wizard send: each form changes one part of a study, by the same rules as API and commands."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from app.auth.body_limit import OF_A_FORM, takes_up_to
from app.dependencies import CurrentResearcher, DbSession
from app.domain.gold import make_gold
from app.domain.protocol import read_stopping, set_contrasts, set_stopping
from app.domain.studies import find_study
from app.domain.study_drafts import add_dataset, remove_dataset, remove_system
from app.domain.study_settings import change_settings
from app.domain.systems import add_system
from app.domain.taking_part import change_consent, consent_parts
from app.domain.training import set_qualification
from app.studies.forms import (
    AskingForm,
    BasicsForm,
    ConsentForm,
    ContrastsForm,
    DatasetForm,
    GoldForm,
    GuidelinesForm,
    QualificationForm,
    RemovalForm,
    RulesForm,
    StoppingForm,
    SystemForm,
)
from app.studies.wizard import Step, step_page
from app.templating import render, see_other, wants_fragment

router = APIRouter(prefix="/studies/{slug}/settings")


def saved(slug: str, step: Step, *, then: Step | None = None) -> Response:
    """Back to the step, or on to the next; the page says that it was saved."""
    return see_other(f"/studies/{slug}/settings/{then or step}?saved={step}")


@router.post("/basics")
def submit_basics(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[BasicsForm, Form()]
) -> Response:
    """Title, quota, pay, seed, release."""
    changes = form.model_dump(exclude={"csrf_token"}, exclude_none=True)
    change_settings(session, find_study(session, slug), changes, by=researcher)
    return saved(slug, Step.BASICS, then=Step.SYSTEMS)


@router.post("/datasets")
def submit_dataset(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[DatasetForm, Form()]
) -> Response:
    """Another dataset."""
    add_dataset(session, find_study(session, slug), form.name.strip(), by=researcher)
    return saved(slug, Step.BASICS)


@router.post("/datasets/remove")
def submit_dataset_removal(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[RemovalForm, Form()]
) -> Response:
    """One less."""
    remove_dataset(session, find_study(session, slug), form.name, by=researcher)
    return saved(slug, Step.BASICS)


@router.post("/systems")
@takes_up_to(OF_A_FORM)
def submit_system(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[SystemForm, Form()]
) -> Response:
    """Another system."""
    add_system(session, find_study(session, slug), form.plan, by=researcher)
    return saved(slug, Step.SYSTEMS)


@router.post("/systems/remove")
def submit_system_removal(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[RemovalForm, Form()]
) -> Response:
    """One less."""
    remove_system(session, find_study(session, slug), form.name, by=researcher)
    return saved(slug, Step.SYSTEMS)


@router.post("/guidelines")
def submit_guidelines(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[GuidelinesForm, Form()]
) -> Response:
    """New guidelines, which everybody reads before going on."""
    change_settings(session, find_study(session, slug), {"guidelines": form.guidelines}, by=researcher)
    return saved(slug, Step.GUIDELINES, then=Step.ANNOTATORS)


@router.post("/guidelines/preview")
def preview_guidelines(
    request: Request,
    _researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    form: Annotated[GuidelinesForm, Form()],
) -> Response:
    """What is in the field, as annotators would read it; nothing is saved."""
    study = find_study(session, slug)
    if wants_fragment(request):
        return render(request, "studies/settings/_preview.html", guidelines=form.guidelines)
    return step_page(request, session, study, Step.GUIDELINES, guidelines=form.guidelines)


@router.post("/consent")
def submit_consent(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[ConsentForm, Form()]
) -> Response:
    """A new version of the consent form."""
    change_consent(session, find_study(session, slug), consent_parts(form.parts), by=researcher)
    return saved(slug, Step.ANNOTATORS)


@router.post("/asking")
def submit_asking(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[AskingForm, Form()]
) -> Response:
    """English and breaks."""
    changes = form.model_dump(exclude={"csrf_token"})
    change_settings(session, find_study(session, slug), changes, by=researcher)
    return saved(slug, Step.ANNOTATORS)


@router.post("/qualification")
def submit_qualification(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[QualificationForm, Form()]
) -> Response:
    """Training comparisons, from passages that are set aside for them."""
    set_qualification(session, find_study(session, slug), form.plan, by=researcher)
    return saved(slug, Step.ANNOTATORS)


@router.post("/quality")
def submit_rules(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[RulesForm, Form()]
) -> Response:
    """Checks, thresholds, caps and exposure."""
    change_settings(session, find_study(session, slug), form.changes, by=researcher)
    return saved(slug, Step.QUALITY, then=Step.PROTOCOL)


@router.post("/gold")
def submit_gold(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[GoldForm, Form()]
) -> Response:
    """Gold comparisons, from passages that are set aside for them."""
    make_gold(session, find_study(session, slug), form.count, by=researcher)
    return saved(slug, Step.QUALITY)


@router.post("/contrasts")
def submit_contrasts(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[ContrastsForm, Form()]
) -> Response:
    """The pairs that the study sets out to compare."""
    set_contrasts(session, find_study(session, slug), form.pairs, by=researcher)
    return saved(slug, Step.PROTOCOL)


@router.post("/stopping")
def submit_stopping(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[StoppingForm, Form()]
) -> Response:
    """When the study is to close."""
    set_stopping(session, find_study(session, slug), read_stopping(form.stop.strip()), by=researcher)
    return saved(slug, Step.PROTOCOL)
