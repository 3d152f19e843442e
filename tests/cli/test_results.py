"""`toprank results`: everything that the page shows, without a browser."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from app.models import Passage, Study
from app.models.study import StudyState
from cli.main import app
from tests.factories import make_person, make_pool

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with Session(engine) as session:
        make_pool(session, slug="closed", state=StudyState.CLOSED, systems=2)
        make_pool(session, slug="open")
        make_person(session, role="researcher", email="r@lab.example")
        session.commit()
    return lambda *arguments: CliRunner().invoke(app, ["results", *map(str, arguments)])


def test_the_terminal_shows_checks_and_every_table(run: Run) -> None:
    done = run("closed")
    assert done.exit_code == 0, done.output
    assert "FAILS   Quota: 8 of 8 comparisons lack annotations" in done.output
    assert "Table 1: Too early for a ratio: 0 of 24 annotations" in done.output
    assert "Nothing is measured yet" in done.output


def test_json_says_what_is_not_final(run: Run) -> None:
    values = json.loads(run("closed", "--json").output)
    assert values["final"] is False
    assert values["look"] is None
    assert len(values["exhibits"]["table-1"]["rows"]) == 6
    assert any(one["reported"] for one in values["exhibits"]["table-1"]["reported"])


def test_out_writes_files_that_a_paper_takes(run: Run, tmp_path: Path) -> None:
    done = run("closed", "--out", tmp_path / "new" / "folder")
    assert done.exit_code == 0, done.output
    names = {file.name for file in (tmp_path / "new" / "folder").iterdir()}
    assert {"results.json", "README.txt", "table-1.csv", "table-1.tex"} <= names
    assert {"figure-9-right.svg", "figure-9-right.pdf", "figure-9-right.png"} <= names


def test_a_folder_that_cannot_be_written_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("closed", "--out", tmp_path / "file")
    assert done.exit_code == 1
    assert "cannot be written" in str(done.exception)


def test_an_open_study_needs_a_look_which_is_printed(run: Run) -> None:
    refused = run("open")
    assert refused.exit_code == 1
    assert "take a look" in str(refused.exception)
    assert json.loads(run("open", "--look", "r@lab.example", "--json").output)["look"] == 1
    assert json.loads(run("open", "--look", "R@lab.example", "--json").output)["look"] == 2
    assert "% protocol" in run("open", "--latex").output


def test_a_look_has_to_be_a_researchers(run: Run) -> None:
    assert "There is no researcher 'x@lab.example'" in str(run("open", "--look", "x@lab.example").exception)


def test_figure_4_takes_a_passage_of_the_study(run: Run, engine: Engine) -> None:
    with Session(engine) as session:
        inside, outside = (
            session.scalars(
                select(Passage.id).join(Study, Study.id == Passage.study_id).where(Study.slug == slug)
            ).first()
            for slug in ("closed", "open")
        )
    values = json.loads(run("closed", "--json", "--passage", inside).output)
    assert values["exhibits"]["figure-4"]["missing"].startswith(f"No checkpoint has read passage {inside} yet")
    refused = run("closed", "--passage", outside)
    assert f"has no passage {outside}" in str(refused.exception)
    assert run("closed", "--passage", 2**63).exit_code == 2
