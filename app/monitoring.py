"""/metrics: what the house does, for Prometheus. It reads the database, so that any process answers for all of them."""

import hmac
import ipaddress
from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import DbSession
from app.domain.figures import Figures, figures
from app.errors import NotFoundError
from app.resources import resources_of
from app.settings import Settings

FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")

router = APIRouter()


@router.get("/metrics")
def show_metrics(request: Request, session: DbSession) -> Response:
    """To whoever has the token; where none is set, to this machine alone. To everybody else there is no such page."""
    if not may_read(request, resources_of(request).settings):
        raise NotFoundError("There is no such page, or it is not yours to see.")
    registry = CollectorRegistry()
    registry.register(_Collected(figures(session)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def may_read(request: Request, settings: Settings) -> bool:
    """Whether the request has the token, or comes from loopback where none is set.

    A request that a proxy on this machine passed on comes from elsewhere, whether or not the proxy is a trusted one.
    """
    if settings.metrics_token is not None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), settings.metrics_token.get_secret_value().encode())
    passed_on = any(name in request.headers for name in FORWARDED)
    return not passed_on and request.client is not None and _is_loopback(request.client.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Collected(Collector):
    def __init__(self, found: Figures) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """Each family once."""
        found = self._found
        yield _counter("toprank_claims", "Comparisons leased to annotators.", found.claims)
        yield _counter("toprank_verdicts", "Annotations written, revisions among them.", found.verdicts)
        yield _gauge("toprank_studies", "Studies by state.", ("state",), found.studies)
        yield _gauge("toprank_leases", "Comparisons that annotators hold at present.", ("state",), found.leases)
        yield _gauge("toprank_jobs", "Jobs in the queue by status.", ("task", "status"), found.jobs)
        yield _gauge(
            "toprank_job_age_seconds", "Age of the oldest job that waits or runs.", ("task", "status"), found.job_ages
        )
        yield _gauge("toprank_job_seconds", "Mean run time of kept jobs that ended.", ("task",), found.job_seconds)
        yield _gauge("toprank_workers", "Workers heard of in the last minute.", (), {(): found.workers})
        yield _gauge(
            "toprank_database_connections",
            "Connections to the database by program and state.",
            ("program", "state"),
            found.connections,
        )
        yield _gauge("toprank_database_connections_limit", "Connections it allows.", (), {(): found.connections_limit})


def _counter(name: str, says: str, value: float) -> Metric:
    return CounterMetricFamily(name, says, value=value)


def _gauge(name: str, says: str, labels: tuple[str, ...], values: dict[tuple[str, ...], float]) -> Metric:
    family = GaugeMetricFamily(name, says, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
