"""One-time links with which a person sets a password, for the first time or after forgetting it."""

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.auth.accounts import ADMINS_LOCK, change_password, change_role, check_is_somebody, create_person, find_account
from app.auth.api_tokens import revoke_all_tokens
from app.domain.audit import record
from app.domain.logins import token_hash
from app.errors import ConflictError, NotFoundError
from app.form_tokens import new_token
from app.models import Invitation, Person
from app.models.person import Role

VALID_FOR = timedelta(days=7)


class InvitationError(NotFoundError):
    """This invitation was used already, has expired or never existed. Ask an admin for a new link."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def invite(session: Session, email: str, role: Role, *, by: Person | None) -> tuple[Person, str]:
    """An account without a password, and the token of the link that sets one.

    Somebody who has not used an earlier link gets a new one, and this role. Raises ConflictError when the address has
    an account that is in use or disabled, or is one's own and would get another role; EmailError when it is none.
    """
    person = find_account(session, email)
    if person is None:
        person = create_person(session, email=email, role=role)
    # Whoever accepts at this moment is waited for; the order of locks is that of all who change admins.
    session.execute(ADMINS_LOCK)
    session.refresh(person, with_for_update={"key_share": True})
    if person.password_hash is not None or person.disabled_at is not None:
        raise ConflictError(f"{person.email} has an account already; make a new link on the people page instead.")
    if person.role is not role:
        change_role(session, person, role, by=by)
    record(session, by, "person.invite", person, role=str(role))
    return person, _new_link(session, person)


def renew(session: Session, person: Person, *, by: Person | None) -> str:
    """A new link for an account, in place of earlier ones: the way back for somebody who forgot the password.

    Raises ConflictError for somebody who is disabled or whose identity was erased: no link would let them in.
    """
    check_is_somebody(person)
    if person.disabled_at is not None:
        raise ConflictError(f"{person.email} is disabled, so no link would let them in; enable the account first.")
    record(session, by, "person.renew_link", person)
    return _new_link(session, person)


def _new_link(session: Session, person: Person) -> str:
    session.execute(delete(Invitation).where(Invitation.person_id == person.id, Invitation.used_at.is_(None)))
    token = new_token()
    session.add(Invitation(token_hash=token_hash(token), person_id=person.id, expires_at=func.now() + VALID_FOR))
    session.flush()
    return token


def invited_person(session: Session, token: str) -> Person:
    """Whom the link is for. Raises InvitationError when it is of no use any more."""
    return _usable(session, token)[1]


def accept(session: Session, token: str, password: str) -> Person:
    """Use the link up and set the password; every browser that was logged in is out. Raises PasswordError too.

    Where it replaces a password, which somebody else may have known, every token is useless from now on.
    """
    invitation, person = _usable(session, token)
    if person.password_hash is not None:
        revoke_all_tokens(session, person, by=person)
    change_password(session, person, password)
    invitation.used_at = func.now()
    session.flush()
    return person


def _usable(session: Session, token: str) -> tuple[Invitation, Person]:
    # Locked, so that of two people who send the same link at once only one is let in, and nobody is invited meanwhile.
    whose = select(Invitation.person_id).where(Invitation.token_hash == token_hash(token)).scalar_subquery()
    session.execute(select(Person.id).where(Person.id == whose).with_for_update(key_share=True))
    row = session.execute(
        select(Invitation, Person)
        .join(Person, Person.id == Invitation.person_id)
        .where(
            Invitation.token_hash == token_hash(token),
            Invitation.used_at.is_(None),
            Invitation.expires_at > func.now(),
            Person.disabled_at.is_(None),
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise InvitationError
    return row[0], row[1]
