"""/api/v1/studies/{slug}/systems: what competes, and the jobs that write."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api_fields import Body, StudySlug, SystemId, Title
from app.auth.api_tokens import ApiReader, ApiWriter
from app.auth.body_limit import OF_A_PROGRAM, takes_up_to
from app.dependencies import DbSession
from app.domain.generation_queue import named_systems, queue_generation, retry_systems, stop_systems
from app.domain.scores import ScoreSummary, score_summaries
from app.domain.scoring_queue import queue_scoring
from app.domain.studies import find_study
from app.domain.study_drafts import remove_system
from app.domain.systems import add_system, find_system_by_id, study_systems
from app.idempotency import Once
from app.models import System
from app.studies.api_models import NewSystem, SystemSummary

router = APIRouter(prefix="/studies/{slug}", tags=["systems"])


class SystemList(BaseModel):
    """Systems of one study, which are never many, in the order they were added."""

    entries: list[SystemSummary]


class Deed(StrEnum):
    """What to do about writing: queue what is missing, stop for now, stop until it is queued again, resume."""

    QUEUE = "queue"
    PAUSE = "pause"
    CANCEL = "cancel"
    RETRY = "retry"


class GenerationOrder(Body):
    """What to do, and for which systems; for all of them by default."""

    deed: Deed
    systems: Annotated[list[Title], Field(max_length=200, default_factory=list)]


class Queued(BaseModel):
    """Checkpoints for which a job was queued, by name."""

    queued: list[str]


class Scores(BaseModel):
    """Each checkpoint that has read passages, on each dataset and then on all, where `dataset` is null."""

    entries: list[ScoreSummary]


def listed(systems: Iterable[System]) -> SystemList:
    """The systems as the API shows them."""
    return SystemList(entries=[SystemSummary.of(system) for system in systems])


@router.get("/systems")
def list_systems(_reader: ApiReader, session: DbSession, slug: StudySlug) -> SystemList:
    """The study's systems, and where their generation stands."""
    return listed(study_systems(session, find_study(session, slug)))


@router.post("/systems", status_code=201)
@takes_up_to(OF_A_PROGRAM)
def add(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, body: NewSystem) -> SystemSummary:
    """Add a system to a draft."""

    def deed() -> SystemSummary:
        study = find_study(session, slug)
        add_system(session, study, body.plan, by=writer)
        return SystemSummary.of(study_systems(session, study)[-1])

    return once(SystemSummary, deed)


@router.get("/systems/{system_id}")
def show_system(_reader: ApiReader, session: DbSession, slug: StudySlug, system_id: SystemId) -> SystemSummary:
    """One system of the study."""
    return SystemSummary.of(find_system_by_id(session, find_study(session, slug), system_id))


@router.delete("/systems/{system_id}")
def remove(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, system_id: SystemId) -> SystemSummary:
    """Take a system that has written nothing out of a draft."""

    def deed() -> SystemSummary:
        study = find_study(session, slug)
        system = find_system_by_id(session, study, system_id)
        gone = SystemSummary.of(system)
        remove_system(session, study, system.name, by=writer)
        return gone

    return once(SystemSummary, deed)


@router.post("/generation")
def order_generation(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, body: GenerationOrder
) -> SystemList:
    """Queue, pause, cancel or resume writing; answers the systems that it was about."""

    def deed() -> SystemList:
        study = find_study(session, slug)
        if body.deed is Deed.QUEUE:
            queue_generation(session, study, body.systems, by=writer)
        elif body.deed is Deed.RETRY:
            retry_systems(session, study, body.systems, by=writer)
        else:
            stop_systems(session, study, body.systems, pause=body.deed is Deed.PAUSE, by=writer)
        names = {system.name for system in named_systems(session, study, body.systems)}
        return listed(system for system in study_systems(session, study) if system.name in names)

    return once(SystemList, deed)


@router.get("/scores")
def list_scores(_reader: ApiReader, session: DbSession, slug: StudySlug) -> Scores:
    """What each checkpoint predicts over each dataset and over all: perplexity, entropy and top-1, 3 and 5 mass."""
    return Scores(entries=score_summaries(session, find_study(session, slug)))


@router.post("/scoring")
def order_scoring(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug) -> Queued:
    """Queue the reading of what the study's checkpoints have not read: perplexity, entropy and top-k mass."""

    def deed() -> Queued:
        return Queued(queued=[one.name for one in queue_scoring(session, find_study(session, slug), by=writer)])

    return once(Queued, deed)
