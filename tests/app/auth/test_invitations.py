"""/invite/{token}: the one-time link."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from app.auth.accounts import EmailError, create_person, disable, find_account
from app.auth.invitation_lists import invite_all
from app.auth.invitations import InvitationError, accept, invite, renew
from app.domain.audit import AuditFilter, audit_page
from app.errors import ConflictError
from app.models import Invitation, Person
from app.models.person import Role
from tests.app.conftest import PASSWORD, Browser
from tests.factories import make_person

GOOD = {"password": "seven blue teapots", "again": "seven blue teapots"}


@pytest.fixture
def link(db: Session) -> str:
    """An unused link, for new@lab.example."""
    _, token = invite(db, "New@Lab.example", Role.ANNOTATOR, by=None)
    db.commit()
    return f"/invite/{token}"


def test_a_link_sets_a_password_and_logs_in(anonymous: Browser, link: str) -> None:
    page = anonymous.get(link)
    assert page.status_code == 200
    assert "new@lab.example" in page.text
    accepted = anonymous.submit(link, **GOOD)
    assert (accepted.status_code, accepted.headers["location"]) == (303, "/")
    assert anonymous.get("/").headers["location"] == "/annotate"


def test_a_link_works_once(app: FastAPI, anonymous: Browser, link: str) -> None:
    anonymous.submit(link, **GOOD)
    second = Browser(app).submit(link, password="eight red kettles", again="eight red kettles")
    assert second.status_code == 404
    assert "was used already" in second.text
    assert Browser(app).log_in("new@lab.example", "eight red kettles").status_code == 401


def test_looking_at_a_link_does_not_use_it_up(anonymous: Browser, link: str) -> None:
    assert [anonymous.get(link).status_code for _ in range(3)] == [200, 200, 200]


def test_a_link_expires_after_seven_days(anonymous: Browser, link: str, db: Session) -> None:
    left = db.scalars(select(Invitation.expires_at)).one() - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    db.execute(update(Invitation).values(expires_at=datetime.now(UTC)))
    db.commit()
    assert anonymous.get(link).status_code == 404


def test_a_made_up_link_is_not_found(anonymous: Browser) -> None:
    assert anonymous.get("/invite/made-up").status_code == 404


def test_a_link_is_stored_as_a_hash_only(link: str, db: Session) -> None:
    token = link.removeprefix("/invite/").encode()
    assert token not in db.scalars(select(Invitation.token_hash)).one()


def test_a_disabled_persons_link_is_dead(anonymous: Browser, link: str, db: Session) -> None:
    person = find_account(db, "new@lab.example")
    assert person is not None
    disable(db, person, by=make_person(db, role=Role.ADMIN))
    db.commit()
    assert anonymous.get(link).status_code == 404


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"password": "seven blue teapots", "again": "seven blue teapot"}, "The two passwords differ"),
        ({"password": "short", "again": "short"}, "12 to 128 characters"),
        ({"password": "password1234", "again": "password1234"}, "first that anybody would try"),
    ],
)
def test_a_refused_password_leaves_the_link_usable(
    anonymous: Browser, link: str, fields: dict[str, str], says: str
) -> None:
    refused = anonymous.submit(link, **fields)
    assert refused.status_code == 422
    assert says in refused.text
    assert anonymous.submit(link, **GOOD).status_code == 303


def test_a_new_link_is_the_way_back_and_logs_the_others_out(
    anonymous: Browser, annotator: Browser, db: Session
) -> None:
    person = find_account(db, annotator.email)
    assert person is not None
    token = renew(db, person, by=None)
    db.commit()
    assert anonymous.submit(f"/invite/{token}", **GOOD).status_code == 303
    assert annotator.get("/me").status_code == 303
    assert annotator.log_in(annotator.email, PASSWORD).status_code == 401


def test_inviting_somebody_again_replaces_the_link_and_the_role(anonymous: Browser, link: str, db: Session) -> None:
    person, token = invite(db, "new@lab.example", Role.RESEARCHER, by=None)
    db.commit()
    assert person.role is Role.RESEARCHER
    assert anonymous.get(link).status_code == 404
    assert anonymous.get(f"/invite/{token}").status_code == 200


def test_a_role_that_changes_by_an_invitation_is_on_record(session: Session) -> None:
    admin = make_person(session, role=Role.ADMIN)
    person, _ = invite(session, "new@lab.example", Role.ADMIN, by=admin)
    invite(session, "new@lab.example", Role.ADMIN, by=admin)
    invite(session, "new@lab.example", Role.ANNOTATOR, by=admin)
    told = audit_page(session, AuditFilter(action="person", subject_id=person.id))
    assert [(line.entry.action, line.entry.actor_id) for line in told] == [
        ("person.invite", admin.id),
        ("person.change_role", admin.id),
        ("person.invite", admin.id),
        ("person.invite", admin.id),
    ]
    assert told[1].entry.detail == {"before": "admin", "after": "annotator"}


def test_nobody_changes_ones_own_role_by_an_invitation(session: Session) -> None:
    admin = make_person(session, role=Role.ADMIN)  # by a token, since there is no password yet
    with pytest.raises(ConflictError, match="is your own account; ask another admin"):
        invite(session, admin.email, Role.ANNOTATOR, by=admin)
    with pytest.raises(ConflictError, match="is your own account; ask another admin"):
        invite_all(session, f"bob@lab.example\n{admin.email}\n", role=Role.ANNOTATOR, by=admin)
    assert admin.role is Role.ADMIN
    assert invite(session, admin.email, Role.ADMIN, by=admin)[0] is admin  # a link for oneself is no harm


def test_whoever_has_a_password_is_not_invited_again(session: Session) -> None:
    create_person(session, email="ada@lab.example", role=Role.ADMIN, password=PASSWORD)
    with pytest.raises(ConflictError, match="has an account already"):
        invite(session, "ADA@lab.example", Role.ANNOTATOR, by=None)


def test_whoever_accepts_at_this_moment_keeps_the_role_of_the_link(engine: Engine) -> None:
    with Session(engine) as first, Session(engine) as second, ThreadPoolExecutor(1) as beside:
        _, token = invite(first, "new@lab.example", Role.ANNOTATOR, by=None)
        first.commit()
        accept(first, token, GOOD["password"])
        again = beside.submit(invite, second, "new@lab.example", Role.ADMIN, by=None)
        with pytest.raises(TimeoutError):
            again.result(timeout=0.2)
        first.commit()
        with pytest.raises(ConflictError, match="has an account already"):
            again.result(timeout=10)
        assert first.scalars(select(Person.role)).all() == [Role.ANNOTATOR]


def test_inviting_again_waits_for_whoever_disables_the_account(engine: Engine) -> None:
    with Session(engine) as first, Session(engine) as second, ThreadPoolExecutor(1) as beside:
        person, _ = invite(first, "new@lab.example", Role.ANNOTATOR, by=None)
        first.commit()
        disable(first, person, by=None)
        again = beside.submit(invite, second, "new@lab.example", Role.ADMIN, by=None)
        with pytest.raises(TimeoutError):
            again.result(timeout=0.2)
        first.commit()
        with pytest.raises(ConflictError, match="has an account already"):
            again.result(timeout=10)


def test_of_two_who_use_a_link_at_once_one_is_let_in(engine: Engine) -> None:
    with Session(engine) as first, Session(engine) as second, ThreadPoolExecutor(1) as beside:
        _, token = invite(first, "new@lab.example", Role.ANNOTATOR, by=None)
        first.commit()
        accept(first, token, GOOD["password"])
        again = beside.submit(accept, second, token, "eight red kettles")
        with pytest.raises(TimeoutError):
            again.result(timeout=0.2)
        first.commit()
        with pytest.raises(InvitationError):
            again.result(timeout=10)


def test_one_address_is_one_account(session: Session) -> None:
    create_person(session, email="ada@lab.example", role=Role.ADMIN)
    with pytest.raises(ConflictError):
        create_person(session, email="Ada@Lab.example ", role=Role.ADMIN)


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@lab.example", "a b@lab.example", "a@b@c", "ada@lab\x00.example"]
)
def test_what_is_no_address_is_refused(session: Session, email: str) -> None:
    with pytest.raises(EmailError):
        create_person(session, email=email, role=Role.ADMIN)
    assert session.scalars(select(Person)).all() == []
