"""The frame around every page: errors, health, transactions."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app import migrate
from app.dependencies import CurrentAdmin, DbSession, Streams
from app.errors import ConflictError
from app.main import create_app
from app.models import Person
from app.resources import NoDatabaseError, connections_of
from app.settings import SecretKeyError, Settings
from tests.app.conftest import SECRET, Browser
from tests.factories import make_person


def test_the_process_says_that_it_lives(anonymous: Browser) -> None:
    answer = anonymous.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_the_process_is_ready_when_its_migrations_are_current(anonymous: Browser, database_url: str) -> None:
    assert anonymous.get("/readyz").status_code == 200
    migrate.downgrade(database_url, "0001")
    refused = anonymous.get("/readyz")
    assert refused.status_code == 503
    assert "toprank db migrate" in refused.text


def test_a_dead_database_is_one_clear_line() -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    app = create_app(Settings(database_url=nowhere, secret_key=SECRET, secure_cookies=False))
    browser = Browser(app)
    assert browser.get("/healthz").status_code == 200
    for path in ("/readyz", "/invite/some-token"):
        refused = browser.get(path)
        assert refused.status_code == 503
        assert "The database does not answer" in refused.text
        assert "Traceback" not in refused.text
        assert refused.headers["retry-after"] == "10"
    app.state.resources.close()


def test_a_page_that_is_not_there_is_not_found(anonymous: Browser) -> None:
    page = anonymous.get("/nothing")
    assert page.status_code == 404
    assert "There is no such page" in page.text
    assert "<h1>Not found</h1>" in page.text


def test_the_wrong_method_is_refused(anonymous: Browser) -> None:
    refused = anonymous.get("/logout")
    assert refused.status_code == 405
    assert "POST" in refused.headers["allow"]


def test_nobody_gets_the_framework_s_documentation(anonymous: Browser) -> None:
    assert [anonymous.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [404] * 3


def test_an_error_in_a_fragment_is_a_notice_on_the_page(admin: Browser) -> None:
    notice = admin.submit("/people/0/link", headers={"HX-Request": "true"})
    assert notice.status_code == 404
    assert notice.headers["hx-retarget"] == "#notices"
    assert "<html" not in notice.text
    assert "There is no such person" in notice.text


def test_a_page_for_another_role_says_whose_it_is_not(annotator: Browser) -> None:
    page = annotator.get("/people")
    assert page.status_code == 403
    assert "not for annotators" in page.text
    assert annotator.email in page.text  # the navigation is there still


def test_a_body_that_is_no_form_is_refused(anonymous: Browser) -> None:
    headers = {"X-CSRF-Token": anonymous.form_token, "Content-Type": "multipart/form-data; boundary=x"}
    refused = anonymous.post("/login", content=b"--y\r\nnonsense", headers=headers)
    assert refused.status_code in (400, 422)
    assert "Traceback" not in refused.text


def test_a_fault_of_ours_shows_no_trace_and_keeps_the_headers(app: FastAPI) -> None:
    @app.get("/fault")
    def fault() -> Response:
        raise ZeroDivisionError("a secret detail")

    browser = Browser(app)
    browser._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    page = browser.get("/fault")
    assert page.status_code == 500
    assert "Something went wrong on our side" in page.text
    assert "secret detail" not in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_a_process_opens_eight_connections_beside_the_pool(settings: Settings) -> None:
    assert connections_of(settings) == 5 + 8


def test_no_slow_page_keeps_annotators_waiting(app: FastAPI, annotator: Browser) -> None:
    resources = app.state.resources
    assert resources.pool_for("/studies/one/results") is resources.requests
    with ExitStack() as busy:
        for _ in range(resources.requests.size):
            busy.enter_context(resources.requests.engine.connect())
        assert resources.requests.engine.pool.checkedin() == 0
        assert annotator.get("/annotate").status_code == 200


def test_without_a_database_the_app_does_not_start() -> None:
    with pytest.raises(NoDatabaseError):
        create_app(Settings(database_url=None, secret_key=SECRET))


@pytest.mark.parametrize("key", [None, "short", "change-me"])
def test_without_a_good_key_the_app_does_not_start(key: str | None) -> None:
    with pytest.raises(SecretKeyError):
        create_app(Settings.model_validate({"database_url": "postgresql://nowhere/x", "secret_key": key}))


def test_what_a_failed_request_wrote_is_rolled_back(app: FastAPI, anonymous: Browser, db: Session) -> None:
    @app.get("/half")
    def half(session: DbSession) -> Response:
        make_person(session, email="half@lab.example")
        raise ConflictError("Half done.")

    assert anonymous.get("/half").status_code == 409
    assert db.scalar(select(func.count()).select_from(Person)) == 0


def test_a_commit_that_fails_is_never_answered_with_success(app: FastAPI, db: Session) -> None:
    db.execute(text("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
    db.commit()

    @app.get("/late")
    def late(session: DbSession) -> Response:
        # the constraint is looked at when the transaction commits, after the endpoint has returned
        session.execute(text("INSERT INTO late VALUES (1), (1)"))
        return Response("saved")

    with pytest.raises(IntegrityError):
        Browser(app).get("/late")


def test_a_download_has_a_connection_of_its_own(app: FastAPI, admin: Browser) -> None:
    @app.get("/download")
    def download(_admin: CurrentAdmin, streams: Streams) -> Response:
        with streams() as session:
            return Response(str(session.scalar(select(func.count()).select_from(Person))))

    assert admin.get("/download").text == "1"


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    """The app on a real socket: one event loop, as in service."""

    @app.get("/slow")
    def slow(request: Request, session: DbSession) -> Response:
        session.execute(text("SELECT pg_sleep(0.02)"))
        return Response(str(request.url.path))

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", proxy_headers=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_128_requests_at_once_wait_for_five_connections_without_an_error(address: str) -> None:
    with httpx2.Client(base_url=address, timeout=30) as client, ThreadPoolExecutor(128) as pool:
        answers = list(pool.map(lambda _: client.get("/slow").status_code, range(128)))
    assert answers == [200] * 128


def test_the_navigation_shows_only_what_the_role_may_open(admin: Browser, researcher: Browser) -> None:
    assert 'href="/people"' in admin.get("/me").text
    assert 'href="/people"' not in researcher.get("/me").text
