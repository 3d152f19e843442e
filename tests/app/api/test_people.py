"""/api/v1/people and /api/v1/audit: what admins do on pages, by programs."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.auth.accounts import find_account
from app.auth.api_tokens import create_api_token
from app.models import ApiToken, Person
from app.models.person import Role, TokenScope
from tests.app.api.conftest import Program
from tests.app.conftest import Browser
from tests.factories import make_person


@pytest.fixture
def admin_program(program: Callable[..., Program]) -> Program:
    return program(Role.ADMIN)


def test_a_person_from_invitation_to_erasure(admin_program: Program, anonymous: Browser) -> None:
    made = admin_program.ask("POST", "/people", json={"email": "Ada@lab.example", "role": "annotator"})
    assert made.status_code == 201
    ada = made.json()
    assert (ada["email"], ada["state"]) == ("ada@lab.example", "invited")
    assert "ada@lab.example" in anonymous.get(urlsplit(ada["link"]).path).text
    here = f"/people/{ada['id']}"
    assert admin_program.ask("PUT", f"{here}/role", json={"role": "researcher"}).json()["role"] == "researcher"
    assert admin_program.ask("POST", f"{here}/link").json()["link"] != ada["link"]
    assert admin_program.ask("POST", f"{here}/disable").json()["state"] == "disabled"
    assert admin_program.ask("POST", f"{here}/link").status_code == 409
    assert admin_program.ask("POST", f"{here}/enable").json()["state"] == "invited"
    assert admin_program.ask("POST", f"{here}/erase", json={"confirmation": "x"}).status_code == 409
    erased = admin_program.ask("POST", f"{here}/erase", json={"confirmation": "ada@lab.example"}).json()
    assert (erased["state"], admin_program.ask("GET", here).json()) == ("erased", erased)
    log = admin_program.ask("GET", f"/audit?subject_type=person&subject_id={ada['id']}").json()["entries"]
    assert admin_program.ask("GET", "/audit?last_day=2001-01-01").json()["entries"] == []
    assert admin_program.ask("GET", "/audit?last_day=0").status_code == 422
    assert [entry["action"].partition(".")[2] for entry in log] == [
        "invite",
        "change_role",
        "renew_link",
        "disable",
        "enable",
        "erase",
    ]
    assert "ada@lab.example" not in str(log)


def test_asked_again_with_its_key_an_invitation_keeps_its_link_to_itself(admin_program: Program) -> None:
    body = {"email": "ada@lab.example", "role": "annotator"}
    first, again = (admin_program.ask("POST", "/people", json=body, key="one").json() for _ in range(2))
    assert first["link"]
    assert again == first | {"link": None}


def test_a_list_is_invited_or_nobody(admin_program: Program) -> None:
    wrong = admin_program.ask("POST", "/people/invitations", json={"people": "ada@x.example\nbob", "role": "annotator"})
    assert (wrong.status_code, "line 2" in wrong.json()["detail"]) == (400, True)
    right = {"people": "ada@x.example\nbob@x.example,researcher", "role": "annotator"}
    invited = admin_program.ask("POST", "/people/invitations", json=right).json()["invited"]
    assert [(one["email"], one["role"]) for one in invited] == [
        ("ada@x.example", "annotator"),
        ("bob@x.example", "researcher"),
    ]
    assert all(one["link"] for one in invited)


def test_people_and_the_log_come_in_pages(admin_program: Program, db: Session) -> None:
    for _ in range(4):
        make_person(db)
    db.commit()
    first = admin_program.ask("GET", "/people?limit=3").json()
    rest = admin_program.ask("GET", first["next"].removeprefix("/api/v1")).json()
    assert [len(one["entries"]) for one in (first, rest)] == [3, 2]
    assert rest["next"] is None
    assert admin_program.ask("GET", "/people/pay?first_day=2026-01-01").json() == []


@pytest.mark.parametrize("deed", ["disable", "role", "erase"])
def test_admins_do_nothing_to_themselves(admin_program: Program, db: Session, deed: str) -> None:
    own = db.get_one(Person, admin_program.person_id)
    bodies = {"role": {"role": "annotator"}, "erase": {"confirmation": own.email}}
    method = "PUT" if deed == "role" else "POST"
    answer = admin_program.ask(method, f"/people/{own.id}/{deed}", json=bodies.get(deed))
    assert answer.status_code == 409


def test_admins_do_not_demote_themselves_by_an_invitation(admin_program: Program, db: Session) -> None:
    own = db.get_one(Person, admin_program.person_id)
    one = admin_program.ask("POST", "/people", json={"email": own.email, "role": "annotator"})
    many = admin_program.ask("POST", "/people/invitations", json={"people": own.email, "role": "researcher"})
    assert [one.status_code, many.status_code] == [409, 409]
    assert "your own account" in one.json()["detail"]
    assert admin_program.ask("GET", "/people").status_code == 200


def test_the_only_admin_in_service_stays(admin_program: Program, admin: Browser, db: Session) -> None:
    person = find_account(db, admin.email)
    assert person is not None
    bodies = {"role": {"role": "annotator"}, "erase": {"confirmation": admin.email}}
    for deed in ("disable", "role", "erase"):
        method = "PUT" if deed == "role" else "POST"
        answer = admin_program.ask(method, f"/people/{person.id}/{deed}", json=bodies.get(deed))
        assert (answer.status_code, "the only admin" in answer.json()["detail"]) == (409, True)
    assert admin.get("/people").status_code == 200


def test_a_researcher_reaches_nobody_by_any_number(researcher_program: Program, db: Session) -> None:
    others = [make_person(db, role=role) for role in Role]
    db.commit()
    for person in others:
        for method, deed in (
            ("GET", ""),
            ("POST", "/link"),
            ("POST", "/disable"),
            ("POST", "/enable"),
            ("POST", "/erase"),
        ):
            answer = researcher_program.ask(method, f"/people/{person.id}{deed}", json={"confirmation": person.email})
            assert answer.status_code == 403
    assert [researcher_program.ask("GET", path).status_code for path in ("/people", "/people/pay", "/audit")] == [
        403
    ] * 3
    db.commit()
    assert {person.state for person in others} == {"invited"}


def test_texts_that_name_somebody_are_listed_and_emptied(admin_program: Program, db: Session) -> None:
    ada = make_person(db, email="ada@lab.example")
    create_api_token(db, make_person(db, role=Role.RESEARCHER), [TokenScope.READ], name="for Ada")
    db.commit()
    here, names = f"/people/{ada.id}", {"names": ["Ada"]}
    assert admin_program.ask("POST", f"{here}/mentions", json={}).json() == []
    assert admin_program.ask("POST", f"{here}/mentions", json=names).json() == [
        {"place": "name of a token", "text": "for Ada", "erased": "for [erased]", "stays": False}
    ]
    assert admin_program.ask("POST", f"{here}/mentions", json={"names": ["A"]}).status_code == 422
    assert admin_program.ask("POST", f"{here}/erase", json=names | {"confirmation": ada.email}).status_code == 200
    db.commit()
    assert set(db.scalars(select(ApiToken.name))) >= {"for [erased]"}


def test_english_is_recorded_by_researchers_and_kept_beside_what_was_stated(
    program: Callable[..., Program], db: Session
) -> None:
    researcher, annotator = program(Role.RESEARCHER), make_person(db)
    db.commit()
    here = f"/people/{annotator.id}/english"
    assert researcher.ask("GET", here).status_code == 404
    said = {"first_language": "Frisian", "method": "interview", "verified_by": "Dr. Vos", "verified_on": "2026-01-02"}
    kept = researcher.ask("PUT", here, json=said).json()
    assert {name: kept[name] for name in said} == said
    assert kept["by_annotator"] is False
    assert researcher.ask("GET", here).json() == kept
    assert researcher.ask("PUT", here, json=said | {"verified_on": "2999-01-01"}).status_code == 400
    for nobody in (999, researcher.person_id):
        assert researcher.ask("GET", f"/people/{nobody}/english").status_code == 404
        assert researcher.ask("PUT", f"/people/{nobody}/english", json=said).status_code == 404


def test_a_period_that_ends_before_it_begins_is_refused(admin_program: Program) -> None:
    asked = admin_program.ask("GET", "/people/pay?first_day=2026-03-31&last_day=2026-03-30")
    assert (asked.status_code, "ends before it begins" in asked.json()["detail"]) == (400, True)


@pytest.mark.parametrize("day", ["", "0", "2026-02-30", "1.3.2026"])
def test_a_day_is_written_as_a_day(admin_program: Program, db: Session, day: str) -> None:
    assert admin_program.ask("GET", f"/people/pay?last_day={day}").status_code == 422
    person = make_person(db)
    db.commit()
    stated = {"first_language": "English", "method": "test", "verified_by": "x", "verified_on": day or 0}
    assert admin_program.ask("PUT", f"/people/{person.id}/english", json=stated).status_code == 422
