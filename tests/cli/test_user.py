"""`toprank user`."""

import json

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.auth.accounts import EmailError, create_person
from app.auth.api_tokens import find_bearer
from app.auth.invitations import invited_person
from app.errors import NotFoundError
from app.models.person import Role, TokenScope
from cli.user import app


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


def test_adding_somebody_prints_a_link_that_works(engine: Engine) -> None:
    done = CliRunner().invoke(
        app, ["add", "new@lab.example", "--role", "researcher", "--server", "https://rank.example/"]
    )
    assert done.exit_code == 0, done.output
    link = done.output.splitlines()[0]
    assert link.startswith("https://rank.example/invite/")
    with Session(engine) as session:
        person = invited_person(session, link.rpartition("/")[2])
        assert (person.email, person.role) == ("new@lab.example", Role.RESEARCHER)


def test_a_program_gets_the_link_as_json() -> None:
    done = CliRunner().invoke(app, ["add", "new@lab.example", "--role", "annotator", "--json"])
    invited = json.loads(done.output)
    assert invited["email"] == "new@lab.example"
    assert invited["link"].startswith("http://127.0.0.1:8000/invite/")


def test_a_bad_address_is_one_clear_error_and_nothing_is_written(engine: Engine) -> None:
    done = CliRunner().invoke(app, ["add", "nobody", "--role", "annotator"])
    assert isinstance(done.exception, EmailError)
    with Session(engine) as session:
        create_person(session, email="nobody@lab.example", role=Role.ADMIN)  # the table is as it was


def test_an_unknown_role_is_refused() -> None:
    done = CliRunner().invoke(app, ["add", "new@lab.example", "--role", "root"])
    assert done.exit_code == 2


def test_a_token_is_printed_once_and_works(engine: Engine) -> None:
    with Session(engine) as session:
        create_person(session, email="new@lab.example", role=Role.RESEARCHER)
        session.commit()
    done = CliRunner().invoke(app, ["token", "new@lab.example", "--scope", "upload", "--json"])
    made = json.loads(done.output)
    assert made["scopes"] == ["upload"]
    with Session(engine) as session:
        assert find_bearer(session, made["token"], TokenScope.UPLOAD).email == "new@lab.example"


def test_nobody_gets_no_token() -> None:
    done = CliRunner().invoke(app, ["token", "nobody@lab.example", "--scope", "upload"])
    assert isinstance(done.exception, NotFoundError)


def test_tokens_are_listed_and_revoked_by_number(engine: Engine) -> None:
    with Session(engine) as session:
        create_person(session, email="new@lab.example", role=Role.RESEARCHER)
        session.commit()
    CliRunner().invoke(app, ["token", "new@lab.example", "--scope", "read", "--name", "a notebook"])
    listed = CliRunner().invoke(app, ["tokens", "new@lab.example"])
    assert "a notebook" in listed.output
    assert "until" in listed.output
    (token,) = json.loads(CliRunner().invoke(app, ["tokens", "new@lab.example", "--json"]).output)
    revoked = CliRunner().invoke(app, ["tokens", "new@lab.example", "--revoke", str(token["id"])])
    assert "revoked" in revoked.output
    assert isinstance(CliRunner().invoke(app, ["tokens", "nobody@lab.example"]).exception, NotFoundError)
