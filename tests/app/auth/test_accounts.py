"""Accounts, apart from their pages."""

import pytest
from sqlalchemy import func
from sqlalchemy.orm import Session

from app.auth.accounts import change_role, disable, enable, get_person, named_person, page_of_people
from app.domain.audit import AuditFilter, audit_page
from app.errors import ConflictError, NotFoundError
from app.models.person import Role
from tests.factories import make_person


def test_a_person_is_found_by_id_or_not_at_all(session: Session) -> None:
    person = make_person(session)
    assert get_person(session, person.id) is person
    with pytest.raises(NotFoundError, match="no such person"):
        get_person(session, person.id + 1)


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
