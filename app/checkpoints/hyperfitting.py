"""/checkpoints/hyperfit: order a run of the trainer, and watch it while it goes on."""

import tempfile
from pathlib import Path
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Form, UploadFile
from pydantic import Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from app.checkpoints.chart import draw
from app.checkpoints.uploads import sent_share
from app.dependencies import CurrentResearcher, DbSession
from app.domain.hyperfit_curves import hyperfitting_of, trained_checkpoint
from app.domain.hyperfitting import HyperfitPlan, Text, continue_training, order_training, trained_folder
from app.domain.systems import all_checkpoints
from app.forms import PageForm
from app.models.checkpoint import CheckpointState
from app.resources import resources_of
from app.templating import is_htmx, render, see_other
from app.texts.reading import read_texts

router = APIRouter(prefix="/checkpoints")


Count = Annotated[int, Field(ge=1, le=1_000_000)]


class HyperfitForm(PageForm):
    """What to hyperfit; the defaults are the paper's, and all choices the trainer's own."""

    base: Annotated[str, Field(max_length=200)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    samples: Count = 2000
    length: Annotated[int, Field(ge=2, le=131_072)] = 256
    epochs: Count = 20
    updates: Count | None = None
    stop_at_loss: Annotated[float, Field(gt=0, lt=1000)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 8
    accumulation: Count = 1
    lr: Annotated[float, Field(gt=0, lt=1)] = 1e-6
    order: Literal["given", "shuffle-1", "shuffle-all", "repeat"] = "given"
    precision: Literal["fp32", "bf16"] = "fp32"
    gradient_checkpointing: bool = False
    validate_every: Count | None = None
    contexts: Annotated[int, Field(ge=0, le=128)] = 24
    keep: Literal["last", "lowest-validation-loss"] = "last"
    allow_overlap: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    texts: UploadFile

    @model_validator(mode="after")
    def parts_are_equal(self) -> Self:
        """A batch is computed in equal parts."""
        if self.batch_size % self.accumulation:
            raise ValueError(f"A batch of {self.batch_size} does not split into {self.accumulation} equal parts.")
        return self

    @property
    def config(self) -> dict[str, int | float | str | None]:
        """The trainer's choices among the fields."""
        return self.model_dump(exclude={"csrf_token", "base", "name", "texts"})

    @property
    def total_updates(self) -> int:
        """Updates of the whole run; the last batch of an epoch may be smaller."""
        return self.updates or self.epochs * -(-self.samples // self.batch_size)


@router.get("/hyperfit")
def show_form(request: Request, _researcher: CurrentResearcher, session: DbSession) -> Response:
    """The form that orders a run."""
    ready = [one for one in all_checkpoints(session) if one.state is CheckpointState.READY]
    return render(request, "checkpoints/hyperfit.html", bases=ready)


@router.post("/hyperfit")
def order_run(
    request: Request, researcher: CurrentResearcher, session: DbSession, form: Annotated[HyperfitForm, Form()]
) -> Response:
    """Leave the run to a worker, and go where it can be watched."""
    plan = HyperfitPlan(
        name=form.name,
        base=form.base,
        texts_name=Path(form.texts.filename or "texts").name,
        texts=_texts(form.texts),
        config=form.config,
        total_updates=form.total_updates,
    )
    store = resources_of(request).settings.store_dir
    checkpoint = order_training(session, plan, trained_folder(store, form.name), by=researcher)
    return see_other(f"/checkpoints/{checkpoint.id}/hyperfitting")


@router.get("/{checkpoint_id}/hyperfitting")
def show_run(request: Request, _researcher: CurrentResearcher, session: DbSession, checkpoint_id: int) -> Response:
    """How a run goes or went; to htmx, which asks while it goes on, only the part that moves."""
    checkpoint = trained_checkpoint(session, checkpoint_id)
    page = "checkpoints/_hyperfitting.html" if is_htmx(request) else "checkpoints/hyperfitting.html"
    run = hyperfitting_of(session, checkpoint)
    panels = draw(run.points, run.shown_updates) if run else []
    sent = sent_share(session, checkpoint_id)
    return render(request, page, checkpoint=checkpoint, hyperfitting=run, panels=panels, sent=sent)


@router.post("/{checkpoint_id}/hyperfitting")
def go_on(
    researcher: CurrentResearcher, session: DbSession, checkpoint_id: int, _form: Annotated[PageForm, Form()]
) -> Response:
    """Queue a run again that failed; it goes on from its last saved state."""
    continue_training(session, trained_checkpoint(session, checkpoint_id), by=researcher)
    return see_other(f"/checkpoints/{checkpoint_id}/hyperfitting")


def _texts(upload: UploadFile) -> list[Text]:
    """The uploaded file's texts. Raises UnreadableFileError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ("texts" + Path(upload.filename or "").suffix)
        file.write_bytes(upload.file.read())
        return [Text(one.text, one.source) for one in read_texts(file)]
