"""Erasing an identity: nothing says whose annotations these are, and they stay."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.verdicts import Answer, record_verdict
from app.auth.accounts import authenticate, change_role, create_person, enable
from app.auth.api_tokens import create_api_token
from app.auth.erasing import erase_identity
from app.auth.invitations import renew
from app.auth.login_limit import record_failure
from app.auth.sessions import start_session
from app.domain.english import EnglishStatement, record_english
from app.domain.pseudonyms import pseudonym
from app.errors import ConflictError
from app.export.streaming import Export, ExportOrder
from app.models import Person, Study
from app.models.annotation import VerdictShown
from app.models.person import Role, TokenScope
from app.models.taking_part import EnglishMethod
from tests.app.conftest import PASSWORD
from tests.factories import make_person, make_pool

NAME = "ada.lovelace"
EMAIL = f"{NAME}@lab.example"


@pytest.fixture
def ada(session: Session) -> Person:
    return create_person(session, email=EMAIL, role=Role.RESEARCHER, password=PASSWORD)


def mentions(connection: Connection, word: str) -> list[str]:
    """Every table in which a row says the word, by whatever column."""
    tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
    query = "SELECT EXISTS (SELECT FROM {table} AS row WHERE row::text ILIKE :word)"
    return [
        table
        for table in tables
        if connection.execute(text(query.format(table=table)), {"word": f"%{word}%"}).scalar_one()
    ]


def exported(session: Session, study: Study) -> bytes:
    return b"".join(Export(study, ExportOrder()).pieces(session))


def test_no_table_names_the_person_any_more(session: Session, ada: Person) -> None:
    admin = make_person(session, role=Role.ADMIN)
    create_api_token(session, ada, [TokenScope.UPLOAD])
    renew(session, ada, by=admin)
    session.flush()
    record_failure(session, account=EMAIL, address="192.0.2.1")
    record_english(
        session, ada.id, EnglishStatement("English", EnglishMethod.TEST, NAME, date(2026, 1, 1)), recorded_by=ada.id
    )
    assert set(mentions(session.connection(), NAME)) == {"english_check", "login_attempt", "person"}
    erase_identity(session, ada, by=admin, confirmation=f" {EMAIL.upper()}")
    session.flush()
    assert mentions(session.connection(), NAME) == []
    for table in ("login_session", "invitation", "api_token"):
        assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0


def test_what_was_judged_stays_under_the_same_pseudonym(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session, email=EMAIL)
    shown = claim(session, study, annotator.id).shown
    assert shown is not None
    record_verdict(session, annotator.id, shown, Answer(VerdictShown.FIRST, 5))
    before, name = exported(session, study), pseudonym(study, annotator.id)
    erase_identity(session, annotator, by=None, confirmation=EMAIL)
    assert exported(session, study) == before
    assert name.encode() in before


def test_nobody_gets_in_by_the_account_again(session: Session, ada: Person) -> None:
    start_session(session, ada, lifetime=timedelta(hours=1))
    erase_identity(session, ada, by=None, confirmation=EMAIL)
    session.flush()
    session.refresh(ada)
    assert authenticate(session, email=ada.email, password=PASSWORD) is None
    assert ada.state == "erased"
    with pytest.raises(ConflictError):
        enable(session, ada, by=None)
    with pytest.raises(ConflictError):
        renew(session, ada, by=None)
    with pytest.raises(ConflictError):
        change_role(session, ada, Role.ADMIN, by=None)
    with pytest.raises(IntegrityError, match="erased_has_no_way_in"):
        session.execute(text("UPDATE person SET disabled_at = NULL"))


def test_the_address_can_have_a_new_account(session: Session, ada: Person) -> None:
    erase_identity(session, ada, by=None, confirmation=EMAIL)
    again = create_person(session, email=EMAIL, role=Role.ANNOTATOR)
    assert session.scalars(select(Person.id).where(Person.email == EMAIL)).one() == again.id != ada.id


def test_it_takes_the_address_and_somebody_else(session: Session, ada: Person) -> None:
    with pytest.raises(ConflictError, match="nothing was erased"):
        erase_identity(session, ada, by=None, confirmation="ada@lab.example")
    with pytest.raises(ConflictError, match="another admin"):
        erase_identity(session, ada, by=ada, confirmation=EMAIL)
    assert ada.email == EMAIL
    erase_identity(session, ada, by=None, confirmation=EMAIL)
    with pytest.raises(ConflictError, match="before"):
        erase_identity(session, ada, by=None, confirmation=ada.email)
