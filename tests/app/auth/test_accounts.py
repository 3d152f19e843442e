"""Accounts, apart from their pages."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.auth.accounts import change_role, create_person, disable, enable, get_person, named_person, page_of_people
from app.auth.erasing import erase_identity
from app.domain.audit import AuditFilter, audit_page
from app.errors import ConflictError, NotFoundError
from app.models import Person
from app.models.person import Role
from tests.app.conftest import PASSWORD
from tests.factories import make_person


def test_a_person_is_found_by_id_or_not_at_all(session: Session) -> None:
    person = make_person(session)
    assert get_person(session, person.id) is person
    with pytest.raises(NotFoundError, match="no such person"):
        get_person(session, person.id + 1)


def make_admin(session: Session, email: str = "ada@lab.example") -> Person:
    """An admin in service."""
    return create_person(session, email=email, role=Role.ADMIN, password=PASSWORD)


def demote(session: Session, person: Person, *, by: Person | None) -> None:
    change_role(session, person, Role.RESEARCHER, by=by)


def erase(session: Session, person: Person, *, by: Person | None) -> None:
    erase_identity(session, person, by=by, confirmation=person.email)


ways_out = pytest.mark.parametrize("way_out", [disable, demote, erase])


def test_nobody_shuts_oneself_out(session: Session) -> None:
    admin = make_person(session, role=Role.ADMIN)
    with pytest.raises(ConflictError, match="ask another admin"):
        disable(session, admin, by=admin)
    assert admin.disabled_at is None


def test_who_was_shut_out_can_come_back(session: Session) -> None:
    person = make_person(session, disabled_at=func.now())
    enable(session, person, by=None)
    session.flush()
    session.refresh(person)
    assert person.disabled_at is None


def test_the_same_role_again_leaves_no_entry(session: Session) -> None:
    person = make_person(session, role=Role.ANNOTATOR)
    change_role(session, person, Role.ANNOTATOR, by=None)
    assert audit_page(session, AuditFilter(action="person")) == []


def test_people_are_found_by_address_and_in_pages(session: Session) -> None:
    ada, bob = make_person(session, email="ada@lab.example"), make_person(session)
    assert named_person(session, " Ada@lab.example") is ada
    assert page_of_people(session, after=ada.id, limit=5) == [bob]
    with pytest.raises(NotFoundError, match="Nobody has the address"):
        named_person(session, "nobody@lab.example")


@ways_out
def test_the_only_admin_in_service_stays(session: Session, way_out: Callable[..., None]) -> None:
    admin = make_admin(session)
    make_person(session, role=Role.ADMIN)  # who was invited, and may never come
    make_person(session, role=Role.ADMIN, password_hash="a hash", disabled_at=func.now())
    with pytest.raises(ConflictError, match="the only admin who can log in"):
        way_out(session, admin, by=None)
    assert (admin.role, admin.state, admin.email) == (Role.ADMIN, "active", "ada@lab.example")
    make_admin(session, "bob@lab.example")
    way_out(session, admin, by=None)


@ways_out
def test_an_admin_who_cannot_log_in_may_go_while_there_is_no_other(
    session: Session, way_out: Callable[..., None]
) -> None:
    for columns in ({}, {"password_hash": "a hash", "disabled_at": func.now()}):
        way_out(session, make_person(session, role=Role.ADMIN, **columns), by=None)


@ways_out
def test_of_two_admins_who_shut_one_another_out_at_once_one_stays(engine: Engine, way_out: Callable[..., None]) -> None:
    with Session(engine) as first, Session(engine) as second, ThreadPoolExecutor(1) as beside:
        emails = ["ada@lab.example", "bob@lab.example"]
        for email in emails:
            make_admin(first, email)
        first.commit()
        ada, bob = (named_person(first, email) for email in emails)
        ada_there, bob_there = (named_person(second, email) for email in emails)
        way_out(first, bob, by=ada)
        other = beside.submit(partial(way_out, second, ada_there, by=bob_there))
        with pytest.raises(TimeoutError):
            other.result(timeout=0.2)
        first.commit()
        with pytest.raises(ConflictError, match="is the only admin"):
            other.result(timeout=10)
        second.rollback()
        in_service = select(Person.email).where(Person.role == Role.ADMIN, Person.disabled_at.is_(None))
        assert first.scalars(in_service).all() == ["ada@lab.example"]
