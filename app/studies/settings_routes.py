"""/studies/new and /studies/{slug}/settings: the wizard. Each step is a form of its own, in any order."""

from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from app.auth.body_limit import OF_A_FORM, takes_up_to
from app.dependencies import CurrentResearcher, DbSession
from app.domain.checkpoint_names import ALLOWED
from app.domain.studies import (
    TOKENIZER_FILE,
    StudyPlan,
    add_tokenizer,
    all_studies,
    create_study,
    find_study,
    kept_tokenizer,
    kept_tokenizers,
    move_study,
    tokenizer_of_checkpoint,
)
from app.domain.study_drafts import Copy, copy_study
from app.domain.systems import all_checkpoints
from app.errors import ConflictError, ToprankError
from app.models import Study
from app.models.study import StudyState
from app.studies.forms import DeedForm, NewStudyForm
from app.studies.wizard import Step, step_page
from app.templating import render, see_other

router = APIRouter(prefix="/studies")
DEEDS = {"open": StudyState.OPEN, "pause": StudyState.PAUSED, "close": StudyState.CLOSED}
CHECKPOINT = "checkpoint:"


@router.get("/new")
def show_new(request: Request, _researcher: CurrentResearcher, session: DbSession, copy_of: str = "") -> Response:
    """The first step: what the study is called, counts in and is like."""
    local = [one for one in all_checkpoints(session) if one.source.startswith("/")]
    return render(
        request,
        "studies/new.html",
        tokenizers=kept_tokenizers(session),
        checkpoints=local,
        studies=all_studies(session),
        copy_of=copy_of,
    )


@router.post("/new")
def submit_new(researcher: CurrentResearcher, session: DbSession, form: Annotated[NewStudyForm, Form()]) -> Response:
    """Make the draft, and go on to its settings."""
    slug, title = form.slug.strip(), form.title.strip()
    if form.copy_of:
        original = find_study(session, form.copy_of)
        made = copy_study(session, original, Copy(slug, title, form.passages), by=researcher)
    else:
        kept, name = chosen_tokenizer(session, form.tokenizer)
        plan = StudyPlan(slug, title, kept, form.dataset_names, tokenizer_name=name)
        made = create_study(session, plan, by=researcher)
    return see_other(f"/studies/{made.slug}/settings/systems")


def chosen_tokenizer(session: DbSession, choice: str) -> tuple[bytes, str]:
    """The tokenizer.json that was chosen, with its name: one that is kept, by its hash, or a checkpoint's."""
    if not choice:
        raise ToprankError("Choose what lengths are counted in: a tokenizer, or that of a checkpoint.")
    if choice.startswith(CHECKPOINT):
        name = choice.removeprefix(CHECKPOINT)
        return tokenizer_of_checkpoint(session, name), name
    tokens = kept_tokenizer(session, choice)
    return tokens.tokenizer_json, tokens.name


@router.post("/tokenizers")
@takes_up_to(OF_A_FORM)
def submit_tokenizer(
    researcher: CurrentResearcher,
    session: DbSession,
    file: Annotated[UploadFile, File()],
    name: Annotated[str, Form(min_length=1, max_length=200)],
    csrf_token: Annotated[str, Form()] = "",  # noqa: ARG001 was checked before
) -> Response:
    """Keep a tokenizer.json for new studies."""
    largest = ALLOWED[TOKENIZER_FILE]
    content = file.file.read(largest + 1)
    if len(content) > largest:
        raise ToprankError(f"The file has more than {largest // 2**20} MiB; no tokenizer.json is so large.")
    add_tokenizer(session, content, name, by=researcher)
    return see_other("/studies/new")


@router.get("/{slug}/settings")
def show_overview(request: Request, _researcher: CurrentResearcher, session: DbSession, slug: str) -> Response:
    """Every step at a glance, the forecast, and the buttons that move the study."""
    return step_page(request, session, find_study(session, slug), Step.OVERVIEW)


@router.get("/{slug}/settings/{step}")
def show_step(request: Request, _researcher: CurrentResearcher, session: DbSession, slug: str, step: Step) -> Response:
    """One step's form."""
    return step_page(request, session, find_study(session, slug), step)


@router.post("/{slug}/state/{deed}")
def submit_state(
    researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    deed: Literal["open", "pause", "close"],
    form: Annotated[DeedForm, Form()],
) -> Response:
    """Open, pause or close the study; what cannot be undone has to be confirmed."""
    study = find_study(session, slug)
    if cannot_be_undone(study, deed) and not form.confirmed:
        raise ConflictError("This cannot be undone, so nothing was changed. Tick the box beside the button first.")
    move_study(session, study, DEEDS[deed], by=researcher)
    return see_other(f"/studies/{study.slug}")


def cannot_be_undone(study: Study, deed: str) -> bool:
    """Opening a draft locks its protocol, closing is for good."""
    return deed == "close" or (deed == "open" and study.state == StudyState.DRAFT)
