"""/api/v1/studies/{slug}/results: tables and figures as files, under the same rule as their values."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from app.analysis.api import ChosenPassage, Withdrawn
from app.analysis.downloads import TABLES, archive_download, exhibit_download
from app.analysis.drawing import MEDIA_TYPES
from app.analysis.live import open_findings
from app.analysis.withdrawn import WithdrawnAnnotators
from app.api_fields import StudySlug
from app.auth.api_tokens import ApiReader
from app.dependencies import DbSession
from metrics.plots.style import Theme

router = APIRouter(prefix="/studies/{slug}", tags=["results"])

FILES: dict[str, object] = {
    "description": "The file.",
    "content": {kind: {} for kind in (*MEDIA_TYPES.values(), *TABLES.values())},
}
ZIP: dict[str, object] = {"description": "The file.", "content": {"application/zip": {}}}
Name = Annotated[
    str,
    Path(pattern=r"^[a-z0-9-]{1,60}$", description="A table's or figure's key in the results.", examples=["table-1"]),
]
Extension = Annotated[
    Literal["svg", "pdf", "png", "csv", "tex"], Path(description="The kind of file.", examples=["csv"])
]


@router.get("/results/{name}.{extension}", response_class=Response, responses={200: FILES})
def download_exhibit_file(
    request: Request,
    _reader: ApiReader,
    session: DbSession,
    slug: StudySlug,
    name: Name,
    extension: Extension,
    theme: Annotated[Theme, Query(description="Of a picture: for light or dark pages.", examples=["light"])] = "light",
    plain: Annotated[bool, Query(description="Of a picture: without its title.", examples=[False])] = False,
    withdrawn: Withdrawn = WithdrawnAnnotators.BY_PROTOCOL,
    passage: ChosenPassage = None,
) -> Response:
    """One table or figure as SVG, PDF, PNG, CSV or LaTeX; 404 where there is none yet."""
    state, found = open_findings(session, slug, withdrawn=withdrawn, passage=passage)
    return exhibit_download(request, state, found, (name, extension), theme=theme, plain=plain)


@router.get("/results.zip", response_class=Response, responses={200: ZIP})
def download_all_exhibits(
    _reader: ApiReader,
    session: DbSession,
    slug: StudySlug,
    withdrawn: Withdrawn = WithdrawnAnnotators.BY_PROTOCOL,
    passage: ChosenPassage = None,
) -> Response:
    """Every table and figure in every format."""
    _, found = open_findings(session, slug, withdrawn=withdrawn, passage=passage)
    return archive_download(found)
