"""A disk that is full is said to be full, on pages and by the API, and nothing is half saved."""

import errno
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.dependencies import DbSession
from app.full_disk import is_full_disk
from app.models import Passage, Person
from tests.app.api.test_problems import api_of, problem_of
from tests.app.conftest import Browser
from tests.factories import make_dataset, make_person, make_study

SAYS = "A disk of this server is full, so nothing was saved."
# What Postgres says when a table cannot grow: "could not extend file", with this state.
FULL = text("DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$")


def write_to_the_database(session: DbSession) -> Response:
    make_person(session)
    session.execute(FULL)
    return Response()


def write_a_file() -> Response:
    with Path("/dev/full").open("wb") as device:  # every write to it finds no room
        device.write(b"x")
    return Response()


@pytest.fixture
def failing(app: FastAPI) -> Browser:
    """A browser on an app with routes that meet full disks."""
    for made in (app, api_of(app)):
        made.get("/full-database")(write_to_the_database)
        made.get("/full-disk")(write_a_file)
    browser = Browser(app)
    browser._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    return browser


@pytest.mark.parametrize("path", ["/full-database", "/full-disk"])
def test_a_full_disk_is_one_clear_line(failing: Browser, db: Session, path: str) -> None:
    page = failing.get(path)
    assert (page.status_code, SAYS in page.text) == (507, True)
    assert SAYS in str(problem_of(failing.get(f"/api/v1{path}"), 507)["detail"])
    assert db.scalar(select(func.count()).select_from(Person)) == 0


def test_another_fault_of_the_system_is_still_ours(app: FastAPI, failing: Browser) -> None:
    def read_nowhere() -> Response:
        return Response(Path("/nowhere").read_text())

    for made in (app, api_of(app)):
        made.get("/nowhere")(read_nowhere)
    assert "Something went wrong on our side" in failing.get("/nowhere").text
    problem_of(failing.get("/api/v1/nowhere"), 500)


def test_what_came_of_a_full_disk_is_one() -> None:
    found = RuntimeError("wrapped")
    found.__cause__ = OSError(errno.EDQUOT, "quota")
    assert is_full_disk(found)
    assert not is_full_disk(OSError(errno.EIO, "broken"))
    assert not is_full_disk(None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MiB."""
    tried = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"needs root that may mount a tmpfs: {tried.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_a_form_whose_files_find_no_room_is_told_so(
    small_disk: Path, researcher: Browser, db: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dataset(db, make_study(db, slug="poems"), name="odes")
    db.commit()
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    files = [("files", ("odes.txt", b"x" * 3_000_000, "text/plain"))]
    fields = {"csrf_token": researcher.form_token, "dataset": "odes"}
    refused = researcher.post("/studies/poems/passages/import", data=fields, files=files)
    assert (refused.status_code, SAYS in refused.text) == (507, True)
    assert db.scalar(select(func.count()).select_from(Passage)) == 0
