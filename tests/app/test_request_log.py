"""The log: a line for each request, which says nothing about anybody, and costs microseconds."""

import io
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from fastapi import FastAPI

from app.db import make_engine
from app.main import create_app
from app.request_log import HEADER, JsonLines, RequestLog, log_as_json, request_id
from app.settings import Settings
from tests.app.conftest import PASSWORD, Browser


@pytest.fixture
def logged(settings: Settings) -> Any:
    """The app with its log in memory, and the log's lines so far."""
    out = io.StringIO()
    app = create_app(settings)
    app.add_middleware(RequestLog, out=out)
    yield app, lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    app.state.resources.close()


def test_a_line_tells_route_status_and_time_under_the_number_of_the_answer(
    logged: tuple[FastAPI, Callable[[], list[dict[str, Any]]]],
) -> None:
    app, lines = logged
    answer = Browser(app).get("/healthz")
    (line,) = lines()
    assert line["request"] == answer.headers[HEADER]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/healthz", 200)
    assert 0 <= line["ms"] < 5000


def test_nothing_of_a_person_is_in_it(logged: tuple[FastAPI, Callable[[], list[dict[str, Any]]]]) -> None:
    app, lines = logged
    browser = Browser(app)
    browser.get("/invite/a-secret-token?email=ada@lab.example")
    browser.submit("/login", email="ada@lab.example", password=PASSWORD)
    browser.get("/nowhere/ada@lab.example")
    browser.get("/api/v1/studies/ada", headers={"Authorization": "Bearer a-secret-token"})
    told = lines()
    assert [line["route"] for line in told[:1]] == ["/invite/{token}"]
    assert told[-2]["route"] == "unmatched"
    words = json.dumps(told)
    for secret in ("ada", "secret", PASSWORD, "testclient", "toprank="):
        assert secret not in words


def test_a_request_that_fails_is_a_line_too(settings: Settings) -> None:
    out = io.StringIO()

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        assert request_id.get()
        raise ZeroDivisionError

    async def ask() -> None:
        with pytest.raises(ZeroDivisionError):
            await RequestLog(broken, out=out)({"type": "http", "method": "GET"}, None, None)  # type: ignore[arg-type]

    anyio.run(ask)
    assert json.loads(out.getvalue())["status"] == 500
    assert request_id.get() == ""


def test_what_others_log_is_json_with_its_traceback() -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        import sys

        record = logging.LogRecord("app", logging.ERROR, "x", 1, "went %s", ("wrong",), sys.exc_info())
    token = request_id.set("abc")
    line = json.loads(JsonLines().format(record))
    request_id.reset(token)
    assert (line["level"], line["message"], line["request"]) == ("error", "went wrong", "abc")
    assert "ZeroDivisionError" in line["traceback"]


def test_the_whole_process_can_log_so(monkeypatch: pytest.MonkeyPatch) -> None:
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    monkeypatch.setattr(root, "handlers", before[:])
    monkeypatch.setattr(root, "level", root.level)
    log_as_json()
    assert [type(handler.formatter) for handler in root.handlers] == [JsonLines]


def test_a_database_error_names_no_values(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    assert engine.hide_parameters
    engine.dispose()


def test_it_costs_little() -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(_message: Any) -> None:
        return

    async def seconds(app: Any) -> float:
        start = time.process_time()
        for _ in range(5_000):
            await app({"type": "http", "method": "GET", "headers": []}, None, send)
        return time.process_time() - start

    async def compare() -> float:
        plain, logged = answer, RequestLog(answer, out=io.StringIO())
        return min([await seconds(logged) - await seconds(plain) for _ in range(3)]) / 5_000

    # 9 us on an idle core; the rest is room for a busy one
    assert anyio.run(compare) < 60e-6


def test_a_warning_is_a_line_without_a_traceback() -> None:
    record = logging.makeLogRecord({"name": "toprank", "levelname": "WARNING", "msg": "%d files", "args": (3,)})

    line = json.loads(JsonLines().format(record))

    assert (line["level"], line["logger"], line["message"]) == ("warning", "toprank", "3 files")
    assert "traceback" not in line
