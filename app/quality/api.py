"""/api/v1/studies/{slug}/annotators and /flags: how annotators work, under pseudonyms, and decisions about them."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from app.api_fields import TEXT, Body, StudySlug
from app.auth.api_tokens import ApiReader, ApiWriter
from app.dependencies import DbSession
from app.domain.flags import FlaggedComparison, flagged
from app.domain.reviews import pause, resume
from app.domain.studies import find_study
from app.domain.withdrawals import withdraw
from app.idempotency import Once
from app.models import Review
from app.models.review import Decision
from app.models.study import Withdrawal
from app.paging import Page, Paging, page
from app.quality.deciding import about_annotator
from app.quality.measures import AnnotatorQuality, Share, study_quality

router = APIRouter(prefix="/studies/{slug}", tags=["quality"])
Pseudonym = Annotated[
    str, Path(pattern=r"^[0-9a-f]{12}$", description="What the annotator is called here.", examples=["0123456789ab"])
]


class ShareAnswer(BaseModel):
    """So many of so many, with Wilson's 95 % interval; null of none."""

    good: int
    total: int
    share: float | None
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, share: Share) -> Self:
        """What a share says."""
        return cls.model_validate(share, from_attributes=True)


class AnnotatorAnswer(BaseModel):
    """One annotator; `state` is the last decision about them, null where there never was one."""

    annotator: str
    state: Decision | None
    reason: str | None
    decided_at: datetime | None
    answers: int
    skips: int
    gold: ShareAnswer
    self_consistency: ShareAnswer
    agreement: ShareAnswer
    first: int
    second: int
    equal: int
    median_reading_ms: float | None
    fast_reading_ms: float | None

    @classmethod
    def of(cls, one: AnnotatorQuality) -> Self:
        """What is measured, without who it is."""
        return cls.model_validate(one, from_attributes=True)


class NewDecision(Body):
    """Why; kept with the decision."""

    reason: Annotated[str, Field(max_length=500, pattern=TEXT)] = ""


class DecisionAnswer(BaseModel):
    """A decision on record."""

    decision: Decision
    reason: str
    decided_at: datetime

    @classmethod
    def of(cls, review: Review) -> Self:
        """What the row says."""
        return cls.model_validate(review, from_attributes=True)


class WithdrawnAnswer(BaseModel):
    """What a withdrawal did: answers that counted until then, and slots that are free because of it."""

    rule: Withdrawal
    answers: int
    reopened: int


@router.get("/annotators")
def list_annotators(
    request: Request, _reader: ApiReader, session: DbSession, slug: StudySlug, paging: Annotated[Paging, Query()]
) -> Page[AnnotatorAnswer]:
    """How each annotator works, in the order of their pseudonyms; none of it says which system is better."""
    found = study_quality(session, find_study(session, slug))
    rows = sorted((one for one in found if one.id > paging.after), key=lambda one: one.id)
    return page(request, paging, rows, AnnotatorAnswer.of)


@router.get("/flags")
def list_flags(
    request: Request, _reader: ApiReader, session: DbSession, slug: StudySlug, paging: Annotated[Paging, Query()]
) -> Page[FlaggedComparison]:
    """Annotators' notes about single comparisons, the oldest first; no system is named."""
    rows = flagged(session, find_study(session, slug), after=paging.after, limit=paging.fetched)
    return page(request, paging, rows, lambda note: note)


@router.post("/annotators/{annotator}/pause")
def pause_annotator(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, annotator: Pseudonym, body: NewDecision
) -> DecisionAnswer:
    """Hand the annotator nothing new until somebody resumes them."""

    def deed() -> DecisionAnswer:
        return DecisionAnswer.of(about_annotator(session, slug, annotator, pause, by_id=writer.id, reason=body.reason))

    return once(DecisionAnswer, deed)


@router.post("/annotators/{annotator}/resume")
def resume_annotator(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, annotator: Pseudonym, body: NewDecision
) -> DecisionAnswer:
    """Let a paused annotator go on; thresholds look only at what they answer from now on."""

    def deed() -> DecisionAnswer:
        return DecisionAnswer.of(about_annotator(session, slug, annotator, resume, by_id=writer.id, reason=body.reason))

    return once(DecisionAnswer, deed)


@router.post("/annotators/{annotator}/withdraw")
def withdraw_annotator(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, annotator: Pseudonym, body: NewDecision
) -> WithdrawnAnswer:
    """Take the annotator out of the study for good, by the rule that its protocol locked."""

    def deed() -> WithdrawnAnswer:
        done = about_annotator(session, slug, annotator, withdraw, by_id=writer.id, reason=body.reason)
        return WithdrawnAnswer.model_validate(done, from_attributes=True)

    return once(WithdrawnAnswer, deed)
