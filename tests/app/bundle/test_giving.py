"""A bundle by page, API and command: the same file, under the rules of the results, and on record."""

import json
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.bundle.verifying import verify
from app.domain.audit import AuditFilter, audit_page
from app.models.study import StudyState
from cli.main import app as commands
from tests.app.api.conftest import Program
from tests.app.conftest import Browser
from tests.golden import make_golden_study


def test_page_program_and_command_give_the_same_study(
    db: Session,
    researcher: Browser,
    researcher_program: Program,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = make_golden_study(db)
    db.commit()
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert "Download the bundle" in researcher.get("/studies/golden/bundle").text
    page = researcher.get("/studies/golden/bundle.zip?recruitment=By+letter")
    assert page.headers["content-disposition"] == 'attachment; filename="golden-bundle.zip"'
    api = researcher_program.ask("GET", "/studies/golden/bundle")
    for name, content in (("page", page.content), ("api", api.content)):
        (tmp_path / name).write_bytes(content)
    made = CliRunner().invoke(commands, ["bundle", "make", "golden", "--out", str(tmp_path / "command")])
    assert made.exit_code == 0, made.exception
    found = {verify(tmp_path / name).annotations for name in ("page", "api", "command")}
    assert len(found) == 1
    told = json.loads(CliRunner().invoke(commands, ["bundle", "verify", str(tmp_path / "page"), "--json"]).output)
    assert told["study"] == "golden"
    assert (
        "recomputed to the last digit"
        in CliRunner().invoke(commands, ["bundle", "verify", str(tmp_path / "api")]).output
    )
    db.commit()
    lines = audit_page(db, AuditFilter(action="study.bundle", subject_id=study.id, subject_type="study"))
    assert [line.entry.detail["complete"] for line in lines] == [True] * 3


def test_before_the_close_it_takes_a_look(db: Session, researcher: Browser, researcher_program: Program) -> None:
    make_golden_study(db).state = StudyState.OPEN
    db.commit()
    assert "take a look" in researcher.get("/studies/golden/bundle").text
    assert researcher.get("/studies/golden/bundle.zip").status_code == 403
    assert researcher_program.ask("GET", "/studies/golden/bundle").status_code == 403
