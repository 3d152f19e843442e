"""How much a request may bring, before and after it is known who sent it."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

import pytest
from fastapi import FastAPI, UploadFile
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.types import Message, Receive

from app.auth import body_limit
from app.auth.body_limit import MIB, OF_A_FORM, OF_A_PROGRAM, ORDINARY, largest_body
from app.models.person import Role, TokenScope
from app.problems import MEDIA_TYPE
from tests.app.api.conftest import Program, program
from tests.app.api.test_problems import api_of
from tests.app.conftest import Browser
from tests.factories import make_dataset, make_study

__all__ = ["program"]

FORM = "multipart/form-data; boundary=x"
FILE = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
IMPORT = "/studies/poems/passages/import"


class Sending:
    """Somebody who sends a body piece by piece, a MiB each, straight to the app, and says what came of it."""

    def __init__(self, app: FastAPI, browser: Browser) -> None:
        self.app, self.browser, self.taken, self.status, self.said = app, browser, 0, 0, b""

    def post(self, path: str, *, mib: int, head: bytes = b"", **headers: str) -> int:
        """The status; `taken` pieces were asked for behind the head."""
        sent = {"host": "testserver", "cookie": f"toprank={self.browser.cookie}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "scheme": "http",
        }
        pieces = iter([head, *[b"x" * MIB] * mib])
        asyncio.run(self.app(scope, self._receive(pieces), self._send))
        return self.status

    def _receive(self, pieces: Iterator[bytes]) -> Receive:
        async def receive() -> Message:
            piece = next(pieces, None)
            self.taken += piece is not None and len(piece) == MIB
            return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

        return receive

    async def _send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self.said += message.get("body", b"")


@pytest.fixture
def sending(app: FastAPI, anonymous: Browser) -> Sending:
    """A stranger who sends."""
    return Sending(app, anonymous)


@pytest.fixture(autouse=True)
def _study(db: Session) -> None:
    make_dataset(db, make_study(db, slug="poems"), name="odes")
    db.commit()


def test_a_body_without_an_announced_length_is_read_to_the_limit(sending: Sending) -> None:
    assert sending.post("/login", mib=64, head=FILE, content_type=FORM) == 413
    assert sending.taken == 4
    assert b"has at most 4 MiB, so nothing was changed" in sending.said
    assert b"<!DOCTYPE html>" in sending.said


def test_a_body_that_announces_too_much_is_not_read_at_all(sending: Sending) -> None:
    assert sending.post("/login", mib=64, content_type=FORM, content_length=str(64 * MIB)) == 413
    assert sending.taken == 0


@pytest.mark.parametrize("length", ["-1", "x", "9" * 30])
def test_a_length_that_is_none_is_nothing_to_go_by(sending: Sending, length: str) -> None:
    assert sending.post("/login", mib=64, head=FILE, content_type=FORM, content_length=length) == 413
    assert sending.taken == 4


def test_programs_are_told_so_in_their_way(program: Callable[..., Program], stranger_to: Program) -> None:
    for asking in (program(Role.ADMIN), stranger_to):
        refused = asking.ask("POST", "/people", json={"email": "x" * ORDINARY, "role": "annotator"})
        assert (refused.status_code, refused.headers["content-type"]) == (413, MEDIA_TYPE)
        assert "has at most 4 MiB" in refused.json()["detail"]


@pytest.fixture
def stranger_to(app: FastAPI) -> Program:
    """A program whose token is made up."""
    return Program(app, "toprank_made-up")


def test_files_are_taken_from_researchers_alone(
    anonymous: Browser, annotator: Browser, researcher: Browser, browser: Callable[[Role], Browser]
) -> None:
    def send(sender: Browser) -> Any:
        words = ("the sea and the shore " * 20 + "\n") * 12_000  # more than 5 million bytes
        files = [("files", ("odes.txt", words.encode(), "text/plain"))]
        fields = {"csrf_token": sender.form_token, "dataset": "odes"}
        return sender.post(IMPORT, data=fields, files=files)

    for sender in (anonymous, annotator):
        refused = send(sender)
        assert refused.status_code == 401
        assert "More than 4 MiB are taken only from a researcher or admin who is logged in." in refused.text
    assert send(researcher).status_code not in (401, 413)


def test_a_program_sends_files_with_a_token_that_may_write(program: Callable[..., Program], app: FastAPI) -> None:
    texts: dict[str, Any] = {"texts": [{"text": "x" * 450_000} for _ in range(10)]}
    path = "/studies/poems/datasets/odes/passages"
    reader = program(Role.RESEARCHER, TokenScope.READ)
    for asking in (Program(app, None), Program(app, "toprank_made-up"), reader):
        refused = asking.ask("POST", path, json=texts)
        assert (refused.status_code, refused.headers["content-type"]) == (401, MEDIA_TYPE)
    assert program(Role.RESEARCHER).ask("POST", path, json=texts).status_code not in (401, 413)


def test_files_have_a_limit_too(
    app: FastAPI, researcher: Browser, anonymous: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(body_limit._LARGE, _import_endpoint(app), 6 * MIB)
    for browser, status, taken in ((researcher, 413, 6), (anonymous, 401, 4)):
        sending = Sending(app, browser)
        assert sending.post(IMPORT, mib=64, head=FILE, content_type=FORM) == status
        assert sending.taken == taken


def _import_endpoint(app: FastAPI) -> object:
    posts = (route for route in iter_route_contexts(app.routes) if "POST" in (route.methods or ()))
    return next(route.endpoint for route in posts if route.path == "/studies/{slug}/passages/import")


def test_every_page_that_takes_files_may_take_large_ones_and_no_other_page(app: FastAPI) -> None:
    for route in iter_route_contexts(app.routes):
        if route.endpoint is not None and "POST" in (route.methods or ()):
            expected = OF_A_FORM if _takes_files(route.endpoint) else ORDINARY
            assert largest_body(route.endpoint) == expected, route.path


def _takes_files(endpoint: Callable[..., Any]) -> bool:
    hints = get_type_hints(endpoint).values()
    fields = [field.annotation for hint in hints if _is_form(hint) for field in hint.model_fields.values()]
    return any(UploadFile.__name__ in str(kind) for kind in [*hints, *fields])


def _is_form(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def test_what_programs_may_send_much_to(app: FastAPI) -> None:
    large = {
        f"{method} {route.path}": largest_body(route.endpoint)
        for route in iter_route_contexts(api_of(app).routes)
        for method in route.methods or ()
        if largest_body(route.endpoint) != ORDINARY
    }
    assert large == {
        "POST /hyperfittings": OF_A_PROGRAM,
        "POST /hyperfittings/images": OF_A_PROGRAM,
        "POST /studies": OF_A_PROGRAM,
        "POST /studies/{slug}/datasets/{dataset}/images": OF_A_PROGRAM,
        "POST /studies/{slug}/datasets/{dataset}/passages": OF_A_PROGRAM,
        "POST /studies/{slug}/systems": OF_A_PROGRAM,
        "PATCH /uploads/{upload_id}/files/{number}": float("inf"),  # a part is counted as it is written
    }
