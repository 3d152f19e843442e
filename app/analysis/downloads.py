"""Tables and figures as downloads, alike for pages and programs."""

import hashlib
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from app.analysis.archive import results_zip
from app.analysis.drawing import MEDIA_TYPES, Appearance, PictureFormat
from app.analysis.exhibit import Exhibit
from app.analysis.formats import as_csv, as_latex
from app.analysis.live import live_picture
from app.analysis.registry import Findings
from app.errors import NotFoundError
from metrics.plots.style import Theme

TABLES = {"csv": "text/csv", "tex": "application/x-tex"}


def version_of(state: str) -> str:
    """What stands in addresses and tags for a state of the results."""
    return hashlib.sha256(state.encode()).hexdigest()[:16]


def exhibit_download(
    request: Request, state: str, found: Findings, file: tuple[str, str], *, theme: Theme = "light", plain: bool = False
) -> Response:
    """One table or figure by name and extension: SVG, PDF, PNG, CSV or LaTeX. Raises NotFoundError."""
    name, extension = file
    exhibit = found.find(name)
    if extension in MEDIA_TYPES:
        look = Appearance(cast(PictureFormat, extension), theme, with_title=not plain)
        return _picture(request, state, found, exhibit.key, look)
    return _table(found, exhibit, extension)


def archive_download(found: Findings) -> Response:
    """Every table and figure in every format."""
    headers = _attachment(f"{found.provenance.study}-results.zip")
    return Response(results_zip(found), media_type="application/zip", headers=headers)


def _picture(request: Request, state: str, found: Findings, key: str, look: Appearance) -> Response:
    """Not sent again to a browser that has it."""
    headers = {"ETag": f'"{version_of(state)}"', "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    content = live_picture(state, found, key, look)
    if look.with_title:
        headers |= _attachment(f"{found.provenance.study}-{key}.{look.file_format}")
    return Response(content, media_type=MEDIA_TYPES[look.file_format], headers=headers)


def _table(found: Findings, exhibit: Exhibit, extension: str) -> Response:
    headers = _attachment(f"{found.provenance.study}-{exhibit.key}.{extension}")
    if extension == "csv":
        return Response(as_csv(exhibit), media_type=f"{TABLES['csv']}; charset=utf-8", headers=headers)
    if extension == "tex":
        return Response(as_latex(exhibit, found.provenance), media_type=TABLES["tex"], headers=headers)
    raise NotFoundError(f"Tables and figures come as svg, pdf, png, csv and tex, not as {extension!r}.")


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
