"""/api/v1/studies/{slug}/bundle: a study as one file, for programs."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api_fields import StudySlug
from app.auth.api_tokens import ApiReader
from app.bundle.giving import BundleQuery, bundle_download
from app.dependencies import DbSession
from app.domain.studies import find_study
from app.resources import resources_of

router = APIRouter(prefix="/studies", tags=["studies"])

FILE: dict[str, object] = {"description": "The file.", "content": {"application/zip": {}}}


@router.get("/{slug}/bundle", response_class=Response, responses={200: FILE})
def download_study_bundle(
    request: Request, reader: ApiReader, session: DbSession, slug: StudySlug, asked: Annotated[BundleQuery, Query()]
) -> Response:
    """Stream a zip with passages, continuations, annotations, guidelines, protocol, tables and a datasheet.

    Open under the same rule as the results. `toprank bundle verify` checks it and recomputes its tables.
    """
    study = find_study(session, slug)
    return bundle_download(session, resources_of(request), study, asked, by_id=reader.id)
