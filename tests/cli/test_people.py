"""`toprank user`: inviting lists, roles, disabling, erasing and pay."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.auth.accounts import create_person
from app.auth.api_tokens import create_api_token
from app.auth.invitation_lists import InvitationListError
from app.auth.invitations import invited_person
from app.domain.english import english_of
from app.domain.periods import PeriodError
from app.errors import ConflictError, ToprankError
from app.models import ConsentForm, Person
from app.models.person import Role, TokenScope
from cli.main import app
from tests.factories import make_study

PARTS = ("purpose", "publication", "content_warning", "pay", "contact", "review_board", "withdrawal")


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


def invoke(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["user", *arguments])
    assert done.exit_code == 0, done.exception
    return done.output


def test_a_list_is_invited_and_its_links_are_a_table(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("ada@lab.example\nbob@lab.example,researcher\n")
    head, ada, bob = invoke("invite", str(file)).splitlines()
    assert (head, ada.split(",")[1], bob.split(",")[1]) == ("email,role,link", "annotator", "researcher")
    with Session(engine) as session:
        assert invited_person(session, ada.rpartition("/")[2]).email == "ada@lab.example"
    again = json.loads(invoke("invite", str(file), "--json"))
    assert [one["role"] for one in again] == ["annotator", "researcher"]


def test_a_list_that_cannot_be_read_invites_nobody(tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("ada@lab.example\nbob\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, error in (("wrong", InvitationListError), ("binary", ToprankError), ("absent", ToprankError)):
        assert isinstance(CliRunner().invoke(app, ["user", "invite", str(tmp_path / name)]).exception, error)
    assert json.loads(invoke("list", "--json")) == []


def test_the_only_admin_stays_whatever_the_command(engine: Engine) -> None:
    with Session(engine) as session:
        create_person(session, email="ada@lab.example", role=Role.ADMIN, password="four words nobody guesses")
        session.commit()
    for command in (["disable"], ["role", "annotator"], ["erase", "--confirm", "ada@lab.example"]):
        done = CliRunner().invoke(app, ["user", command[0], "ada@lab.example", *command[1:]])
        assert isinstance(done.exception, ConflictError)
    assert json.loads(invoke("list", "--json")) == [{"email": "ada@lab.example", "role": "admin", "state": "active"}]


def test_a_period_that_ends_before_it_begins_pays_nobody() -> None:
    done = CliRunner().invoke(app, ["user", "pay", "--from", "2026-03-31", "--to", "2026-03-30"])
    assert isinstance(done.exception, PeriodError)


def test_an_account_from_invitation_to_erasure(engine: Engine) -> None:
    email = "ada@lab.example"
    with Session(engine) as session:
        create_person(session, email=email, role=Role.RESEARCHER, password="four words nobody guesses")
        session.commit()
    invoke("role", email, "annotator")
    assert invoke("list") == f"{email}  annotator  active\n"
    assert invoke("link", email).startswith("http://127.0.0.1:8000/invite/")
    assert json.loads(invoke("link", email, "--json"))["email"] == email
    invoke("disable", email)
    assert invoke("list") == f"{email}  annotator  disabled\n"
    assert isinstance(CliRunner().invoke(app, ["user", "link", email]).exception, ConflictError)
    invoke("enable", email)
    assert isinstance(CliRunner().invoke(app, ["user", "erase", email, "--confirm", "x"]).exception, ConflictError)
    invoke("erase", email, "--confirm", email)
    with Session(engine) as session:
        assert session.get_one(Person, 1).state == "erased"


def test_texts_that_name_somebody_are_listed_and_emptied(engine: Engine) -> None:
    with Session(engine) as session:
        person = create_person(session, email="ada@lab.example", role=Role.RESEARCHER)
        create_api_token(
            session,
            create_person(session, email="bob@lab.example", role=Role.RESEARCHER),
            [TokenScope.READ],
            name="Ada's",
        )
        session.add(
            ConsentForm(study_id=make_study(session).id, version=9, **dict.fromkeys(PARTS, f"Ask {person.email}"))
        )
        session.commit()
    assert invoke("mentions", "ada@lab.example") == "contact in a consent form (stays): Ask ada@lab.example\n"
    named = ("ada@lab.example", "--name", "Ada")
    assert [(one["text"], one["erased"]) for one in json.loads(invoke("mentions", *named, "--json"))] == [
        ("Ada's", "[erased]'s"),
        ("Ask ada@lab.example", "Ask ada@lab.example"),
    ]
    invoke("erase", *named, "--confirm", "ada@lab.example")
    assert invoke("mentions", "bob@lab.example", "--name", "Ada") == "No text names them.\n"


def test_pay_is_a_table_of_a_period() -> None:
    assert invoke("pay", "--from", "2026-03-01", "--to", "2026-03-31").startswith("person,study,judged")
    assert isinstance(CliRunner().invoke(app, ["user", "pay", "--from", "1.3."]).exception, ToprankError)


def test_english_is_recorded_by_who_knows(engine: Engine) -> None:
    with Session(engine) as session:
        annotator = create_person(session, email="ada@lab.example", role=Role.ANNOTATOR)
        researcher = create_person(session, email="bob@lab.example", role=Role.RESEARCHER)
        session.commit()
        session.refresh(annotator)
        session.refresh(researcher)
        session.expunge_all()
    told = ("--language", "Frisian", "--method", "interview", "--by", "Dr. Vos", "--on", "2026-01-02")
    assert "nothing is known" in invoke("english", annotator.email)
    assert "Frisian, interview by Dr. Vos" in invoke("english", annotator.email, *told, "--as", researcher.email)
    assert json.loads(invoke("english", annotator.email, "--json"))["english"]["verified_on"] == "2026-01-02"
    half = CliRunner().invoke(app, ["user", "english", annotator.email, *told]).exception
    assert "A record has all of" in str(half)
    with Session(engine) as session:
        found = english_of(session, annotator.id)
        assert found is not None
        assert (found.first_language, found.recorded_by_id) == ("Frisian", researcher.id)
