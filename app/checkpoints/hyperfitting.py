"""/checkpoints/hyperfit: order a run of the trainer, and watch it while it goes on."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.auth.body_limit import OF_A_FORM, takes_up_to
from app.checkpoints.chart import draw
from app.checkpoints.choices import ImageChoices, TextChoices
from app.checkpoints.image_runs import plan_on_images
from app.checkpoints.samples import samples_of
from app.checkpoints.uploads import sent_share
from app.dependencies import CurrentResearcher, DbSession
from app.domain.hyperfit_curves import trained_checkpoint, trained_with_curve
from app.domain.hyperfit_plan import HyperfitPlan, Text
from app.domain.hyperfit_runs import page_of_hyperfittings
from app.domain.hyperfitting import continue_training, find_checkpoint, order_training, trained_folder
from app.domain.image_models import image_models
from app.domain.systems import all_checkpoints
from app.errors import ToprankError
from app.forms import PageForm
from app.models import Checkpoint, Person
from app.models.checkpoint import CheckpointState
from app.resources import resources_of
from app.templating import is_htmx, render, see_other
from app.texts.uploaded import name_of_uploads, uploaded_texts

router = APIRouter(prefix="/checkpoints")


class NewRunForm(PageForm):
    """What to make of which base."""

    base: Annotated[str, Field(max_length=200)]
    name: Annotated[str, Field(min_length=1, max_length=200)]


class HyperfitForm(NewRunForm, TextChoices):
    """A run on texts."""

    texts: UploadFile


class HyperfitImagesForm(NewRunForm, ImageChoices):
    """A run on images."""

    images: Annotated[list[UploadFile], Field(min_length=1)]


@router.get("/hyperfittings")
def list_runs(request: Request, _researcher: CurrentResearcher, session: DbSession) -> Response:
    """Every run, the newest first."""
    return render(request, "checkpoints/hyperfittings.html", runs=page_of_hyperfittings(session)[::-1])


@router.get("/hyperfit")
def show_form(request: Request, _researcher: CurrentResearcher, session: DbSession) -> Response:
    """The form that orders a run on texts."""
    ready, of_images = _bases(request, session)
    bases = [one for one in ready if one not in of_images]
    return render(request, "checkpoints/hyperfit.html", bases=bases, of_images=of_images)


@router.post("/hyperfit")
@takes_up_to(OF_A_FORM)
def order_run(
    request: Request, researcher: CurrentResearcher, session: DbSession, form: Annotated[HyperfitForm, Form()]
) -> Response:
    """Leave the run to a worker, and go where it can be watched."""
    if find_checkpoint(session, form.base) in _bases(request, session)[1]:
        raise ToprankError(f"{form.base} is an image model: hyperfit it on images, under Hyperfit an image model.")
    sent = [(form.texts.filename or "texts", form.texts.file)]
    plan = HyperfitPlan(
        name=form.name,
        base=form.base,
        texts_name=name_of_uploads(sent),
        texts=[Text(one.text, one.source) for one in uploaded_texts(sent)],
        config=form.config,
        total_updates=form.total_updates,
    )
    return _ordered(request, session, plan, by=researcher)


@router.get("/hyperfit/images")
def show_images_form(request: Request, _researcher: CurrentResearcher, session: DbSession) -> Response:
    """The form that orders a run on images."""
    return render(request, "checkpoints/hyperfit_images.html", bases=_bases(request, session)[1])


@router.post("/hyperfit/images")
@takes_up_to(OF_A_FORM)
def order_images_run(
    request: Request, researcher: CurrentResearcher, session: DbSession, form: Annotated[HyperfitImagesForm, Form()]
) -> Response:
    """Leave the run to a worker, with the images as the base's visual tokens."""
    sent = [(one.filename or "", one.file) for one in form.images]
    plan = plan_on_images(session, form, sent, resources_of(request).settings.store_dir)
    return _ordered(request, session, plan, by=researcher)


@router.get("/{checkpoint_id}/hyperfitting")
def show_run(request: Request, _researcher: CurrentResearcher, session: DbSession, checkpoint_id: int) -> Response:
    """How a run goes or went; to htmx, which asks while it goes on, only the part that moves."""
    checkpoint, run = trained_with_curve(session, checkpoint_id)
    page = "checkpoints/_hyperfitting.html" if is_htmx(request) else "checkpoints/hyperfitting.html"
    return render(
        request,
        page,
        checkpoint=checkpoint,
        hyperfitting=run,
        panels=draw(run.points, run.shown_updates, is_of_images=run.palette is not None),
        samples=samples_of(run.points, run.palette),
        sent=sent_share(session, checkpoint_id),
    )


@router.post("/{checkpoint_id}/hyperfitting")
def go_on(
    researcher: CurrentResearcher, session: DbSession, checkpoint_id: int, _form: Annotated[PageForm, Form()]
) -> Response:
    """Queue a run again that failed; it goes on from its last saved state."""
    continue_training(session, trained_checkpoint(session, checkpoint_id), by=researcher)
    return see_other(f"/checkpoints/{checkpoint_id}/hyperfitting")


def _ordered(request: Request, session: Session, plan: HyperfitPlan, *, by: Person) -> Response:
    store = resources_of(request).settings.store_dir
    checkpoint = order_training(session, plan, trained_folder(store, plan.name), by=by)
    return see_other(f"/checkpoints/{checkpoint.id}/hyperfitting")


def _bases(request: Request, session: Session) -> tuple[list[Checkpoint], list[Checkpoint]]:
    """The checkpoints that are ready, and which of them are image models."""
    ready = [one for one in all_checkpoints(session) if one.state is CheckpointState.READY]
    return ready, image_models(ready, resources_of(request).settings.store_dir)
