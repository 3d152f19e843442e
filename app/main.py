"""The web app, put together."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from starlette.responses import HTMLResponse
from starlette.routing import Mount
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app import health, monitoring
from app.analysis.downstream_routes import router as downstream
from app.analysis.routes import router as analysis
from app.analysis.text_routes import router as texts
from app.annotation.routes import router as annotation
from app.annotation.step_routes import router as annotation_steps
from app.api.assembly import create_api
from app.api.docs import router as api_docs
from app.audit.routes import router as audit
from app.auth.body_limit import BodyLimit
from app.auth.routes import router as auth
from app.auth.token_routes import router as tokens
from app.bundle.routes import router as bundle
from app.checkpoints.hyperfitting import router as hyperfitting
from app.checkpoints.routes import router as checkpoints
from app.error_pages import add_error_pages
from app.export.routes import router as export
from app.form_tokens import check_form_token
from app.origin_check import OriginCheck
from app.passages.import_routes import router as passage_imports
from app.passages.routes import router as passages
from app.people.pay_routes import router as pay
from app.people.routes import router as people
from app.problems import API
from app.quality.routes import router as quality
from app.request_log import RequestLog
from app.resources import Resources
from app.security_headers import SecurityHeaders
from app.settings import Settings
from app.static_files import STATIC, HashedStaticFiles
from app.studies.routes import router as studies
from app.studies.settings_routes import router as settings_pages
from app.studies.step_routes import router as settings_steps
from app.templating import use_language

PAGES = (
    annotation,  # first of all: routes are tried in turn, and a judgement is what is asked for most
    annotation_steps,
    analysis,
    api_docs,
    audit,
    bundle,
    auth,
    downstream,
    hyperfitting,  # before a page of one checkpoint, whose address could be the same
    checkpoints,
    export,
    pay,  # before a page of one person, whose address could be the same
    passage_imports,
    passages,
    people,
    quality,
    settings_pages,  # before the page of a study, whose address could be the same
    settings_steps,
    studies,
    texts,
    tokens,
)


def create_app(settings: Settings) -> FastAPI:
    """The ASGI app on the database of `settings.database_url`, which has to be set."""
    app = FastAPI(
        title="toprank",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        default_response_class=HTMLResponse,
        lifespan=lifespan,
    )
    app.state.resources = Resources(settings)
    use_language(settings.language)
    for pages in PAGES:
        app.include_router(pages, dependencies=[Depends(check_form_token)])
    app.include_router(health.router)
    app.include_router(monitoring.router)
    app.state.api = create_api(app.state.resources)
    app.router.routes.append(api_mount(app.state.api))
    app.mount("/static", HashedStaticFiles(directory=STATIC), name="static")
    add_error_pages(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(OriginCheck)
    app.add_middleware(SecurityHeaders, https=settings.secure_cookies)
    if settings.log == "json":
        app.add_middleware(RequestLog)
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))
    return app


def api_mount(api: FastAPI) -> Mount:
    """The API below its prefix, whatever follows: an address with a line break in it gets a problem, not a page."""
    mount = Mount(API, api, name="api")
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Give the connections back when the server stops."""
    yield
    app.state.resources.close()
