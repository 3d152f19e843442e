"""/api/v1/studies/{slug}: the parts of a draft, each by the same rules as a step of the wizard."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from app.api_fields import DatasetInPath, StudySlug
from app.auth.api_tokens import ApiReader, ApiWriter
from app.dependencies import DbSession
from app.domain.gold import gold_count, make_gold
from app.domain.protocol import contrasts, set_contrasts, set_stopping, stopping_rule
from app.domain.studies import find_study
from app.domain.study_drafts import add_dataset, remove_dataset
from app.domain.taking_part import change_consent, consent_parts, consent_versions, find_consent
from app.domain.training import qualification_of, set_qualification
from app.errors import NotFoundError
from app.idempotency import Once
from app.models import Study
from app.paging import Page, Paging, RowId, page
from app.studies.api import details
from app.studies.api_models import StudyDetails
from app.studies.draft_models import (
    Consent,
    Contrasts,
    Gold,
    NewConsent,
    NewContrast,
    NewDataset,
    NewGold,
    NewQualification,
    Qualification,
    Stop,
)

ConsentVersionNumber = Annotated[
    RowId | None, Query(description="An earlier version than annotators read now.", examples=[1])
]
router = APIRouter(prefix="/studies/{slug}", tags=["studies"])


@router.post("/datasets", status_code=201)
def add_study_dataset(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, body: NewDataset
) -> StudyDetails:
    """Add a dataset to a draft."""

    def deed() -> StudyDetails:
        study = find_study(session, slug)
        add_dataset(session, study, body.name, by=writer)
        session.flush()
        return details(session, study)

    return once(StudyDetails, deed)


@router.delete("/datasets/{dataset}")
def remove_study_dataset(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, dataset: DatasetInPath
) -> StudyDetails:
    """Take a dataset without passages out of a draft; 409 for the last one."""

    def deed() -> StudyDetails:
        study = find_study(session, slug)
        remove_dataset(session, study, dataset, by=writer)
        session.flush()
        return details(session, study)

    return once(StudyDetails, deed)


@router.put("/contrasts")
def name_contrasts(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, body: Contrasts) -> Contrasts:
    """Name the pairs of systems that a draft sets out to compare, in place of those it had."""

    def deed() -> Contrasts:
        study = find_study(session, slug)
        set_contrasts(session, study, [(pair.system, pair.against) for pair in body.contrasts], by=writer)
        return _contrasts(session, study)

    return once(Contrasts, deed)


@router.put("/stopping")
def choose_stopping(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, body: Stop) -> Stop:
    """Say when a draft is to close."""

    def deed() -> Stop:
        study = find_study(session, slug)
        set_stopping(session, study, body.rule, by=writer)
        return Stop.of(stopping_rule(study))

    return once(Stop, deed)


@router.get("/consent")
def show_consent(
    _reader: ApiReader,
    session: DbSession,
    slug: StudySlug,
    version: ConsentVersionNumber = None,
) -> Consent:
    """The consent form as annotators read it now, or read it once; 404 while the study has none such."""
    return _consent(session, find_study(session, slug), version)


@router.get("/consent/versions")
def list_consent_versions(
    request: Request, _reader: ApiReader, session: DbSession, slug: StudySlug, paging: Annotated[Paging, Query()]
) -> Page[Consent]:
    """Every version of the consent form, the first one first, with how many annotators agreed to it."""
    study = find_study(session, slug)
    rows = consent_versions(session, study, after=paging.after, limit=paging.fetched)
    return page(request, paging, rows, Consent.of)


@router.put("/consent")
def write_consent(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, body: NewConsent) -> Consent:
    """Add a version of the consent form, which every annotator is asked for."""

    def deed() -> Consent:
        study = find_study(session, slug)
        change_consent(session, study, consent_parts(body.model_dump()), by=writer)
        session.flush()
        return _consent(session, study)

    return once(Consent, deed)


@router.get("/qualification")
def show_qualification(_reader: ApiReader, session: DbSession, slug: StudySlug) -> Qualification:
    """The study's qualification, and how many annotators began it and passed; 404 while it has none."""
    study = find_study(session, slug)
    found = qualification_of(session, study)
    if found is None:
        raise NotFoundError(f"The study {slug!r} has no qualification.")
    return Qualification.of(found)


@router.post("/qualification", status_code=201)
def add_qualification(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, body: NewQualification
) -> NewQualification:
    """Set passages of a draft aside, and make training comparisons of them; 409 where there is one already."""

    def deed() -> NewQualification:
        set_qualification(session, find_study(session, slug), body.plan, by=writer)
        return body

    return once(NewQualification, deed)


@router.get("/gold")
def count_gold(_reader: ApiReader, session: DbSession, slug: StudySlug) -> Gold:
    """How many gold comparisons the study has."""
    return Gold(gold=gold_count(session, find_study(session, slug)))


@router.post("/gold", status_code=201)
def add_gold(writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, body: NewGold) -> Gold:
    """Make gold comparisons of accepted passages that no system wrote for."""
    return once(Gold, lambda: Gold(gold=make_gold(session, find_study(session, slug), body.count, by=writer)))


def _contrasts(session: Session, study: Study) -> Contrasts:
    pairs = contrasts(session, study)
    return Contrasts(contrasts=[NewContrast(system=system, against=against) for system, against in pairs])


def _consent(session: Session, study: Study, version: int | None = None) -> Consent:
    return Consent.of(find_consent(session, study, version))
