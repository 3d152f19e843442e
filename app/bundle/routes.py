"""/studies/{slug}/bundle: a study as one file, to be published with its annotations."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.analysis.looks import is_open_to_look
from app.bundle.contents import RECOMPUTED
from app.bundle.giving import BundleQuery, bundle_download
from app.dependencies import CurrentResearcher, DbSession
from app.domain.studies import find_study
from app.resources import resources_of
from app.templating import render

router = APIRouter(prefix="/studies/{slug}")


@router.get("/bundle")
def show_bundle(request: Request, _researcher: CurrentResearcher, session: DbSession, slug: str) -> Response:
    """What is in it, and a form for what only people know."""
    study = find_study(session, slug)
    is_open = is_open_to_look(session, study)
    return render(request, "bundle/show.html", study=study, is_open=is_open, tables=RECOMPUTED)


@router.get("/bundle.zip")
def download_bundle(
    request: Request,
    researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    asked: Annotated[BundleQuery, Query()],
) -> Response:
    """The file, while it is made."""
    study = find_study(session, slug)
    return bundle_download(session, resources_of(request), study, asked, by_id=researcher.id)
