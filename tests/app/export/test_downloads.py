"""The export over HTTP: a file while it is made, on record when it ends, and no more at a time than connections."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect
from starlette.types import Message

from app.annotation import verdicts
from app.annotation.claims import claim
from app.domain.audit import AuditFilter, audit_page
from app.downloads import BusyError, Download
from app.models.annotation import VerdictShown
from app.resources import STREAMS, Resources
from tests.app.api.conftest import Program
from tests.app.conftest import Browser
from tests.factories import make_person, make_pool


@pytest.fixture
def poems(db: Session) -> str:
    """A study with one judgement."""
    study, annotator = make_pool(db, slug="poems", title="Poems"), make_person(db)
    held = claim(db, study, annotator.id)
    assert held.shown is not None
    verdicts.record_verdict(db, annotator.id, held.shown, verdicts.Answer(VerdictShown.FIRST, 5))
    db.commit()
    return study.slug


def on_record(db: Session) -> list[dict[str, Any]]:
    db.commit()
    lines = audit_page(db, AuditFilter(action="study.export"))
    return [line.entry.detail | {"by": line.actor, "study": line.study} for line in lines]


def test_the_download_is_a_file_of_the_studys_name_and_on_record(poems: str, researcher: Browser, db: Session) -> None:
    answer = researcher.get("/studies/poems/export.csv?texts=1&status=counted&scenario=256")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="poems.csv"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == 1
    (told,) = on_record(db)
    assert told == {
        "by": researcher.email,
        "study": "poems",
        "format": "csv",
        "texts": True,
        "statuses": ["counted"],
        "scenarios": [256],
        "rows": 1,
        "bytes": len(answer.content),
        "complete": True,
        "sha256": hashlib.sha256(answer.content).hexdigest(),
    }


def test_the_page_offers_the_choices_and_shows_what_was_taken(poems: str, researcher: Browser) -> None:
    assert "Nothing was taken out" in researcher.get("/studies/poems/export").text
    content = researcher.get("/studies/poems/export.jsonl").content
    page = researcher.get("/studies/poems/export").text
    assert 'name="status" value="skipped"' in page
    assert hashlib.sha256(content).hexdigest()[:16] in page
    assert researcher.email in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("export.csv?system=nobody", 404),
        ("export.csv?scenario=512", 404),
        ("export.csv?scenario=x", 422),
        ("export.xlsx", 422),
        ("export.csv?who=me", 422),
        ("export.csv?system=%00", 404),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_byte_is_sent(
    poems: str, researcher: Browser, db: Session, path: str, status: int
) -> None:
    assert researcher.get(f"/studies/poems/{path}").status_code == status
    assert on_record(db) == []


def test_programs_get_the_same_file(
    poems: str,
    researcher: Browser,
    researcher_program: Program,
    db: Session,
) -> None:
    for file_format in ("csv", "jsonl", "parquet"):
        page = researcher.get(f"/studies/poems/export.{file_format}")
        api = researcher_program.ask("GET", f"/studies/poems/export?format={file_format}&status=counted")
        assert (api.status_code, api.content) == (200, page.content)
        assert api.headers["content-type"] == page.headers["content-type"]
    assert len(on_record(db)) == 6
    missing = researcher_program.ask("GET", "/studies/poems/export?dataset=x")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


def make_download(app: FastAPI, pieces: Callable[[Session], Iterator[bytes]], ended: Callable[[], None]) -> Download:
    resources: Resources = app.state.resources
    return Download(resources.streams, pieces, ended=ended, name="x.csv", media_type="text/csv")


async def send_to(download: Download, send: Callable[[Message], Any]) -> None:
    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    await download({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)


def test_more_downloads_than_there_are_connections_are_refused_and_the_others_go_on(app: FastAPI) -> None:
    ends: list[str] = []

    async def all_at_once() -> list[str]:
        told: list[str] = []
        waiting = anyio.Event()

        async def read_slowly(_message: Message) -> None:
            await waiting.wait()

        async def one() -> None:
            try:
                await send_to(
                    make_download(app, lambda _: iter([b"a", b"b"]), lambda: ends.append("ended")), read_slowly
                )
                told.append("sent")
            except BusyError:
                told.append("refused")
                waiting.set()

        async with anyio.create_task_group() as group:
            for _ in range(STREAMS + 1):
                group.start_soon(one)
        await one()  # the connections are free again
        return told

    told = anyio.run(all_at_once)
    assert sorted(told) == ["refused"] + ["sent"] * (STREAMS + 1)
    assert ends == ["ended"] * (STREAMS + 1)


def test_a_reader_who_goes_away_ends_it_and_gives_the_connection_back(app: FastAPI) -> None:
    ends: list[str] = []

    def endless(_session: Session) -> Iterator[bytes]:
        while True:
            yield b"more"

    async def go_away() -> None:
        sent = iter(range(3))

        async def send(_message: Message) -> None:
            if next(sent, None) is None:
                raise OSError

        for _ in range(STREAMS + 1):
            sent = iter(range(3))
            with pytest.raises(ClientDisconnect):
                await send_to(make_download(app, endless, lambda: ends.append("ended")), send)

    anyio.run(go_away)
    assert len(ends) == STREAMS + 1
    assert app.state.resources.streams.engine.pool.checkedout() == 0


def test_an_error_before_the_first_byte_is_still_an_error(app: FastAPI) -> None:
    def broken(_session: Session) -> Iterator[bytes]:
        raise ZeroDivisionError
        yield b""

    async def try_it() -> None:
        async def send(_message: Message) -> None:
            raise AssertionError("nothing is sent")

        with pytest.raises(ZeroDivisionError):
            await send_to(make_download(app, broken, lambda: None), send)

    anyio.run(try_it)
