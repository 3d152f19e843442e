"""/api/v1/studies/{slug}/export: every judgement of a study, for programs."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.api_fields import StudySlug
from app.auth.api_tokens import ApiReader
from app.dependencies import DbSession
from app.domain.studies import find_study
from app.export.formats import MEDIA_TYPES, FileFormat
from app.export.orders import ExportQuery, export_download
from app.resources import resources_of

router = APIRouter(prefix="/studies", tags=["studies"])

FILES: dict[str, dict[str, str]] = {media_type.partition(";")[0]: {} for media_type in MEDIA_TYPES.values()}


class ExportRequest(ExportQuery):
    """What of a study, and as which kind of file."""

    format: Annotated[FileFormat, Field(description="The kind of file.", examples=["csv"])] = FileFormat.CSV


@router.get("/{slug}/export", response_class=Response, responses={200: {"description": "The file.", "content": FILES}})
def export_annotations(
    request: Request, reader: ApiReader, session: DbSession, slug: StudySlug, asked: Annotated[ExportRequest, Query()]
) -> Response:
    """Stream one row for each annotation or skip, and for each system that shares its comparison.

    Annotators are pseudonyms that differ from study to study. The export goes on record with its hash.
    """
    study = find_study(session, slug)
    return export_download(session, resources_of(request), study, asked.order(asked.format), by_id=reader.id)
