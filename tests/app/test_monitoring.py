"""/metrics: for Prometheus, by token or from this machine alone."""

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.annotation import verdicts
from app.annotation.claims import claim
from app.models.annotation import VerdictShown
from app.queue import GENERATE, defer
from tests.factories import make_person, make_pool

Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def ask(app: FastAPI) -> Ask:
    def ask(*, host: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
        client = TestClient(app, client=(host, 50000))
        answer = client.get("/metrics", headers={name.replace("_", "-"): value for name, value in headers.items()})
        return answer.status_code, answer.text

    return ask


def value(metrics: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", metrics, re.MULTILINE)
    assert found, metrics
    return float(found[1])


def test_it_tells_judgements_jobs_and_connections(ask: Ask, db: Session) -> None:
    study, annotator = make_pool(db), make_person(db)
    shown = claim(db, study, annotator.id).shown
    assert shown is not None
    verdicts.record_verdict(db, annotator.id, shown, verdicts.Answer(VerdictShown.FIRST, 5))
    assert claim(db, study, annotator.id).shown is not None
    for number in range(3):
        defer(db, GENERATE, system_id=number)
    db.commit()
    db.execute(text("SELECT pg_stat_force_next_flush()"))
    db.commit()
    status, metrics = ask()
    assert status == 200
    assert value(metrics, "toprank_verdicts_total") >= 1
    assert value(metrics, "toprank_claims_total") >= value(metrics, "toprank_verdicts_total")
    assert value(metrics, 'toprank_jobs{status="todo",task="generation:generate"}') == 3
    assert value(metrics, 'toprank_job_age_seconds{status="todo",task="generation:generate"}') >= 0
    assert value(metrics, 'toprank_studies{state="open"}') == 1
    assert value(metrics, 'toprank_leases{state="shown"}') == 1
    assert value(metrics, 'toprank_database_connections{program="toprank requests",state="active"}') >= 1
    assert value(metrics, "toprank_workers") == 0
    assert annotator.email not in metrics


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "X_Real_IP", "X_Forwarded_Proto", "Via"])
def test_without_a_token_it_is_for_this_machine_alone(ask: Ask, header: str) -> None:
    assert ask(host="::1")[0] == 200
    assert ask(host="192.0.2.1")[0] == 404
    assert ask(host="somewhere")[0] == 404
    assert ask(**{header: "192.0.2.1"})[0] == 404  # a proxy on this machine passes it on


def test_with_a_token_it_is_for_whoever_has_it(app: FastAPI, ask: Ask) -> None:
    app.state.resources.settings.metrics_token = SecretStr("a token of forty characters, for scrapers")
    assert ask()[0] == 404
    assert ask(Authorization="Bearer another")[0] == 404
    assert ask(host="192.0.2.1", Authorization="Bearer a token of forty characters, for scrapers")[0] == 200
