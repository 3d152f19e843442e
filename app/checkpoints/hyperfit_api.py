"""/api/v1/hyperfittings: order a run of the trainer, and follow it."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request

from app.api_fields import TEXT, Body, CheckpointId, Title
from app.api_files import SentFiles, opened
from app.auth.api_tokens import ApiReader, ApiWriter
from app.auth.body_limit import OF_A_PROGRAM, takes_up_to
from app.checkpoints.choices import ImageChoices, TextChoices
from app.checkpoints.image_runs import plan_on_images
from app.dependencies import DbSession
from app.domain.hyperfit_curves import trained_checkpoint, trained_with_curve
from app.domain.hyperfit_plan import HyperfitPlan, Text
from app.domain.hyperfit_runs import RunStanding, page_of_hyperfittings
from app.domain.hyperfitting import continue_training, find_checkpoint, order_training, trained_folder
from app.domain.image_models import image_models
from app.errors import ToprankError
from app.idempotency import Once
from app.models import HyperfitPoint
from app.models.checkpoint import CheckpointState
from app.paging import Page, Paging, page
from app.resources import resources_of

router = APIRouter(prefix="/hyperfittings", tags=["checkpoints"])


class NewTrainingText(Body):
    """A text to learn by heart, and where it is from."""

    text: Annotated[str, Field(min_length=1, max_length=10_000_000, pattern=TEXT)]
    source: Annotated[str | None, Field(max_length=2000, pattern=TEXT)] = None


class NewHyperfitting(Body, TextChoices):
    """What to hyperfit, on which texts; the defaults are the paper's."""

    name: Title
    base: Title
    texts_name: Title = "texts"
    texts: Annotated[list[NewTrainingText], Field(min_length=1)]

    @property
    def plan(self) -> HyperfitPlan:
        """The same for the domain."""
        return HyperfitPlan(
            name=self.name,
            base=self.base,
            texts_name=self.texts_name,
            texts=[Text(one.text, one.source) for one in self.texts],
            config=self.config,
            total_updates=self.total_updates,
        )


class NewImageHyperfitting(Body, ImageChoices):
    """Which image model to hyperfit, on which images, in the order of their names; a file may hold many."""

    name: Title
    base: Title
    images: SentFiles


class CurvePoint(BaseModel):
    """A validation: both losses and the entropy in nats, the type-token ratios of greedy texts."""

    update: int
    train_loss: float | None
    validation_loss: float
    entropy: float
    ttr_first_96: float | None
    ttr_last_96: float | None

    @classmethod
    def of(cls, point: HyperfitPoint) -> Self:
        """What the row says."""
        return cls.model_validate(point, from_attributes=True)


class HyperfittingSummary(BaseModel):
    """A run in a list; the losses are those of its last validation, null before the first."""

    checkpoint_id: int
    name: str
    state: CheckpointState
    reason: str | None
    base: str | None
    updates: int
    total_updates: int
    tokens_per_second: float | None
    train_loss: float | None
    validation_loss: float | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, one: RunStanding) -> Self:
        """What the rows say."""
        run = {
            name: getattr(one.run, name)
            for name in ("updates", "total_updates", "tokens_per_second", "created_at", "finished_at")
        }
        own = {name: getattr(one.checkpoint, name) for name in ("name", "state", "reason")}
        losses = {"train_loss": one.train_loss, "validation_loss": one.validation_loss}
        return cls(checkpoint_id=one.id, base=one.base, **own, **run, **losses)


class HyperfittingAnswer(BaseModel):
    """A run and what it leads to; `lineage` is what the finished checkpoint says of itself."""

    checkpoint_id: int
    name: str
    state: CheckpointState
    reason: str | None
    base: str | None
    config: dict[str, Any]
    updates: int
    total_updates: int
    tokens_per_second: float | None
    finished_at: datetime | None
    lineage: dict[str, Any] | None
    points: list[CurvePoint]


@router.get("")
def list_hyperfittings(
    request: Request, _reader: ApiReader, session: DbSession, paging: Annotated[Paging, Query()]
) -> Page[HyperfittingSummary]:
    """Every run of the trainer, the oldest checkpoint first."""
    rows = page_of_hyperfittings(session, after=paging.after, limit=paging.fetched)
    return page(request, paging, rows, HyperfittingSummary.of)


@router.post("", status_code=201)
@takes_up_to(OF_A_PROGRAM)
def order_hyperfitting(
    request: Request, writer: ApiWriter, session: DbSession, once: Once, body: NewHyperfitting
) -> HyperfittingAnswer:
    """Leave a run to a worker; the checkpoint is ready when it ends."""

    def deed() -> HyperfittingAnswer:
        store = resources_of(request).settings.store_dir
        if image_models([find_checkpoint(session, body.base)], store):
            raise ToprankError(f"{body.base} is an image model; POST /hyperfittings/images takes images.")
        made = order_training(session, body.plan, trained_folder(store, body.name), by=writer)
        return _answer(session, made.id)

    return once(HyperfittingAnswer, deed)


@router.post("/images", status_code=201)
@takes_up_to(OF_A_PROGRAM)
def order_image_hyperfitting(
    request: Request, writer: ApiWriter, session: DbSession, once: Once, body: NewImageHyperfitting
) -> HyperfittingAnswer:
    """Leave a run on images to a worker; a file is an image, a numpy array of them, or a Parquet file."""

    def deed() -> HyperfittingAnswer:
        store = resources_of(request).settings.store_dir
        plan = plan_on_images(session, body, opened(body.images), store)
        made = order_training(session, plan, trained_folder(store, body.name), by=writer)
        return _answer(session, made.id)

    return once(HyperfittingAnswer, deed)


@router.get("/{checkpoint_id}")
def show_hyperfitting(_reader: ApiReader, session: DbSession, checkpoint_id: CheckpointId) -> HyperfittingAnswer:
    """How a run goes or went, by the number of the checkpoint that it makes."""
    return _answer(session, checkpoint_id)


@router.post("/{checkpoint_id}/continue")
def continue_hyperfitting(
    writer: ApiWriter, session: DbSession, once: Once, checkpoint_id: CheckpointId
) -> HyperfittingAnswer:
    """Queue a run again that failed; it goes on from its last saved state."""

    def deed() -> HyperfittingAnswer:
        continue_training(session, trained_checkpoint(session, checkpoint_id), by=writer)
        return _answer(session, checkpoint_id)

    return once(HyperfittingAnswer, deed)


def _answer(session: Session, checkpoint_id: int) -> HyperfittingAnswer:
    session.flush()
    checkpoint, found = trained_with_curve(session, checkpoint_id)
    own = {name: getattr(checkpoint, name) for name in ("name", "state", "reason")}
    names = ("config", "updates", "total_updates", "tokens_per_second", "finished_at", "lineage")
    run = {name: getattr(found.run, name) for name in names}
    points = [CurvePoint.of(point) for point in found.points]
    return HyperfittingAnswer(checkpoint_id=checkpoint.id, base=found.base, points=points, **own, **run)
