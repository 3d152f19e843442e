"""The API, put together: its own app under /api/v1, with bearer tokens, problems and an OpenAPI description."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import JSONResponse

from app.analysis.api import router as results
from app.analysis.downstream_api import router as downstream
from app.analysis.file_api import router as files
from app.analysis.text_api import router as texts
from app.api.description import complete
from app.api.jobs import router as jobs
from app.api.tokens import router as tokens
from app.audit.api import router as audit
from app.bundle.api import router as bundle
from app.checkpoints.api import router as checkpoints
from app.checkpoints.hyperfit_api import router as hyperfittings
from app.checkpoints.stored_api import router as stored
from app.checkpoints.unfinished_api import router as unfinished
from app.checkpoints.upload_api import router as uploads
from app.export.api import router as export
from app.passages.api import router as passages
from app.passages.dataset_api import router as datasets
from app.people.api import router as people
from app.people.english_api import router as english
from app.people.pay_api import router as pay
from app.problems import API, RESPONSES, add_problems
from app.quality.api import router as quality
from app.resources import Resources
from app.studies.api import router as studies
from app.studies.draft_api import router as drafts
from app.studies.system_api import router as systems

DESCRIPTION = """\
Everything that researchers and admins do on pages, for programs. Make a token on your account's page, or by
`toprank user token EMAIL --scope read`, and send it as `Authorization: Bearer TOKEN`.

Lists come in pages: follow `next` until it is null. A write may carry an `Idempotency-Key`: asked again within a day,
it is answered as the first time and changes nothing. Every error is `application/problem+json` (RFC 9457).
"""
# A feature hangs its api.py's router on here.
ROUTERS: Sequence[APIRouter] = (
    audit,
    bundle,
    checkpoints,
    datasets,
    downstream,
    drafts,
    english,
    export,
    files,
    hyperfittings,
    jobs,
    passages,
    pay,  # before one person, whose address could be the same
    people,
    quality,
    results,
    stored,
    studies,
    systems,
    texts,
    tokens,
    unfinished,
    uploads,
)


class Api(FastAPI):
    """An app whose description knows the form of problems."""

    def openapi(self) -> dict[str, Any]:
        """The description; made once."""
        if self.openapi_schema is None:
            complete(super().openapi())
        return super().openapi()


def create_api(resources: Resources) -> FastAPI:
    """The API on the web app's own resources."""
    api = Api(
        title="toprank",
        version="1",
        description=DESCRIPTION,
        servers=[{"url": API}],
        root_path_in_servers=False,
        docs_url=None,
        redoc_url=None,
        default_response_class=JSONResponse,
        responses=RESPONSES,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    api.state.resources = resources
    for router in ROUTERS:
        api.include_router(router)
    add_problems(api)
    return api
