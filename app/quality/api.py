"""/api/v1/studies/{slug}/annotators and /flags: how annotators work, under pseudonyms, and decisions about them."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from app.api_fields import TEXT, Body, StudySlug
from app.auth.api_tokens import ApiReader, ApiWriter
from app.dependencies import DbSession
from app.domain.flags import FlaggedComparison, flagged
from app.domain.pseudonyms import find_annotator
from app.domain.reviews import pause, resume
from app.domain.studies import find_study
from app.domain.withdrawals import withdraw
from app.idempotency import Once
from app.models import Review
from app.models.review import Decision
from app.models.study import Withdrawal
from app.quality.measures import AnnotatorQuality, Share, study_quality

router = APIRouter(prefix="/studies/{slug}", tags=["quality"])
Pseudonym = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="What the annotator is called in this study.")]


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


class Annotators(BaseModel):
    """Everybody who answered, skipped or was decided about; who waits for a review comes first."""

    entries: list[AnnotatorAnswer]


class Flags(BaseModel):
    """What annotators told the researchers about single comparisons, the newest first; no system is named."""

    entries: list[FlaggedComparison]


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
def list_annotators(_reader: ApiReader, session: DbSession, slug: StudySlug) -> Annotators:
    """How each annotator of the study works; none of it says which system is better."""
    found = study_quality(session, find_study(session, slug))
    return Annotators(entries=[AnnotatorAnswer.of(one) for one in found])


@router.get("/flags")
def list_flags(_reader: ApiReader, session: DbSession, slug: StudySlug) -> Flags:
    """Annotators' notes about single comparisons."""
    return Flags(entries=flagged(session, find_study(session, slug)))


@router.post("/annotators/{annotator}/pause")
def pause_annotator(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, annotator: Pseudonym, body: NewDecision
) -> DecisionAnswer:
    """Hand the annotator nothing new until somebody resumes them."""

    def deed() -> DecisionAnswer:
        study = find_study(session, slug)
        person = find_annotator(session, study, annotator)
        return DecisionAnswer.of(pause(session, study, person.id, by_id=writer.id, reason=body.reason))

    return once(DecisionAnswer, deed)


@router.post("/annotators/{annotator}/resume")
def resume_annotator(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, annotator: Pseudonym, body: NewDecision
) -> DecisionAnswer:
    """Let a paused annotator go on; thresholds look only at what they answer from now on."""

    def deed() -> DecisionAnswer:
        study = find_study(session, slug)
        person = find_annotator(session, study, annotator)
        return DecisionAnswer.of(resume(session, study, person.id, by_id=writer.id, reason=body.reason))

    return once(DecisionAnswer, deed)


@router.post("/annotators/{annotator}/withdraw")
def withdraw_annotator(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, annotator: Pseudonym, body: NewDecision
) -> WithdrawnAnswer:
    """Take the annotator out of the study for good, by the rule that its protocol locked."""

    def deed() -> WithdrawnAnswer:
        study = find_study(session, slug)
        person = find_annotator(session, study, annotator)
        done = withdraw(session, study, person.id, by_id=writer.id, reason=body.reason)
        return WithdrawnAnswer.model_validate(done, from_attributes=True)

    return once(WithdrawnAnswer, deed)
