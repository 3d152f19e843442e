"""Accounts: making them, proving who one is, changing the password, shutting somebody out."""

import re

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.auth import passwords
from app.auth.api_tokens import revoke_all_tokens
from app.auth.sessions import end_all_sessions
from app.domain.audit import record
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import Person
from app.models.person import Role

ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
NO_SUCH_PERSON = "There is no such person."
ADMINS_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended("admins", 0)))


class EmailError(ToprankError):
    """This is not an e-mail address; write it as name@example.org."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def normalised_email(email: str) -> str:
    """In lower case and trimmed, since one address is one account. Raises EmailError."""
    email = email.strip().lower()
    if not (email.isprintable() and ADDRESS.fullmatch(email)):
        raise EmailError
    return email


def create_person(session: Session, *, email: str, role: Role, password: str | None = None) -> Person:
    """A new account. Raises ConflictError when the address has one; EmailError, PasswordError."""
    email = normalised_email(email)
    if find_account(session, email) is not None:
        raise ConflictError(f"{email} has an account already; nothing was changed.")
    person = Person(email=email, role=role)
    if password is not None:
        set_password(person, password)
    session.add(person)
    session.flush()
    return person


def find_account(session: Session, email: str) -> Person | None:
    """The account with this address, whatever its case."""
    return session.scalar(select(Person).where(Person.email == email.strip().lower()))


def named_person(session: Session, email: str) -> Person:
    """The person with this address. Raises NotFoundError."""
    person = find_account(session, email)
    if person is None:
        raise NotFoundError(f"Nobody has the address {email}; add them with `toprank user add`.")
    return person


def get_person(session: Session, person_id: int) -> Person:
    """The person with this id. Raises NotFoundError."""
    # a number that the column cannot hold is nobody's
    person = session.get(Person, person_id) if 0 < person_id < 2**63 else None
    if person is None:
        raise NotFoundError(NO_SUCH_PERSON)
    return person


def get_annotator(session: Session, person_id: int) -> Person:
    """The annotator with this id. Raises NotFoundError, for everybody else too."""
    person = get_person(session, person_id)
    if person.role is not Role.ANNOTATOR:
        raise NotFoundError(NO_SUCH_PERSON)
    return person


def all_people(session: Session) -> list[Person]:
    """Everybody, by role and address."""
    return list(session.scalars(select(Person).order_by(Person.role, Person.email)))


def page_of_people(session: Session, *, after: int, limit: int) -> list[Person]:
    """Those whose number is above `after`, the oldest account first."""
    return list(session.scalars(select(Person).where(Person.id > after).order_by(Person.id).limit(limit)))


def authenticate(session: Session, *, email: str, password: str) -> Person | None:
    """The person with this address and password; None for a wrong one, an unknown or a disabled account.

    The three take the same time.
    """
    person = find_account(session, email)
    usable = person.password_hash if person is not None and person.disabled_at is None else None
    return person if passwords.is_right(usable, password) else None


def set_password(person: Person, password: str) -> None:
    """Give the person a password. Raises PasswordError when it is too easy."""
    passwords.check_strength(password, email=person.email)
    person.password_hash = passwords.hash_password(password)


def change_password(session: Session, person: Person, password: str) -> None:
    """A new password, which logs every browser of the person out; programs go on with their tokens."""
    set_password(person, password)
    end_all_sessions(session, person)
    record(session, person, "person.change_password", person)


def disable(session: Session, person: Person, *, by: Person | None) -> None:
    """Shut the person out at once; their tokens stay useless when they are let in again.

    Raises ConflictError for oneself, who could not undo it, and for the only admin.
    """
    check_is_another(person, by)
    check_admin_stays(session, person)
    person.disabled_at = func.now()
    end_all_sessions(session, person)
    revoke_all_tokens(session, person, by=by)
    record(session, by, "person.disable", person)


def enable(session: Session, person: Person, *, by: Person | None) -> None:
    """Let the person log in again. Raises ConflictError for somebody whose identity was erased."""
    check_is_somebody(person)
    person.disabled_at = None
    record(session, by, "person.enable", person)


def change_role(session: Session, person: Person, role: Role, *, by: Person | None) -> None:
    """Give the person another role, from their next page on.

    Raises ConflictError for oneself, who could not undo it, for the only admin, and for somebody whose identity was
    erased.
    """
    check_is_another(person, by)
    check_is_somebody(person)
    if role is not person.role:
        check_admin_stays(session, person)
        record(session, by, "person.change_role", person, before=str(person.role), after=str(role))
        person.role = role
        session.flush()


def check_is_somebody(person: Person) -> None:
    """Raises ConflictError when the person's identity was erased."""
    if person.erased_at is not None:
        raise ConflictError("This person's identity was erased, so nobody can be let in by this account any more.")


def check_is_another(person: Person, by: Person | None) -> None:
    """Raises ConflictError when whoever does it does it to themselves."""
    if by is not None and person.id == by.id:
        raise ConflictError(f"{person.email} is your own account; ask another admin to change it.")


def check_admin_stays(session: Session, person: Person) -> None:
    """Raises ConflictError when the person is the only admin in service, enabled and with a password.

    Whoever was only invited may never come. Until the transaction ends, no other admin can be taken away.
    """
    session.execute(ADMINS_LOCK)
    session.refresh(person)
    in_service = (Person.role == Role.ADMIN, Person.disabled_at.is_(None), Person.password_hash.is_not(None))
    admins = session.scalars(select(Person.id).where(*in_service).limit(2)).all()
    if list(admins) == [person.id]:
        raise ConflictError(
            f"{person.email} is the only admin who can log in, so nothing was changed. Make somebody else an admin "
            "first, who has a password."
        )
