"""/api/v1/people: accounts, for admins' programs."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request

from app.api_fields import LINE, TEXT, Body, PersonId
from app.auth import accounts, invitation_lists, invitations
from app.auth.api_tokens import ApiAdmin
from app.auth.erasing import erase_identity
from app.auth.mentions import LONGEST, MOST, SHORTEST, Mention, mentions_of
from app.dependencies import DbSession
from app.idempotency import Once
from app.models import Person
from app.models.person import Role
from app.paging import Page, Paging, page
from app.people.links import link_of

router = APIRouter(prefix="/people", tags=["people"])

Email = Annotated[str, Field(max_length=320, pattern=TEXT, examples=["ada@lab.example"])]
Name = Annotated[str, Field(min_length=SHORTEST, max_length=LONGEST, pattern=LINE, examples=["Ada Lovelace"])]
SECRET = frozenset({"link"})


class PersonSummary(BaseModel):
    """An account; `state` is invited, active, disabled or erased."""

    id: int
    email: str
    role: Role
    state: str
    created_at: datetime

    @classmethod
    def of(cls, person: Person) -> Self:
        """What a row says."""
        return cls.model_validate(person, from_attributes=True)


class InvitedPerson(PersonSummary):
    """Somebody who has a one-time link, which is shown this once; null where it was shown before."""

    link: str | None


class NewPerson(Body):
    """Whom to invite, and as what."""

    email: Email
    role: Role


class NewRole(Body):
    """What somebody is here for."""

    role: Role


class Names(Body):
    """What texts may call a person, besides their address."""

    names: Annotated[list[Name], Field(default_factory=list, max_length=MOST)]


class Confirmation(Names):
    """The address of whose identity is erased, again."""

    confirmation: Email


class TextNaming(BaseModel):
    """A text that names a person, and what erasing makes of it; one that `stays` is part of a protocol."""

    place: str
    text: str
    erased: str
    stays: bool

    @classmethod
    def of(cls, mention: Mention) -> Self:
        """What a mention says."""
        return cls.model_validate(mention, from_attributes=True)


class InvitationList(Body):
    """Whom to invite: an address on each line, and behind a comma a role where it is another."""

    people: Annotated[
        str,
        Field(
            min_length=1, max_length=400_000, pattern=TEXT, examples=["ada@lab.example\nbob@lab.example, researcher"]
        ),
    ]
    role: Role


class ListedInvitation(BaseModel):
    """Somebody on the list; the link is null for who has an account already."""

    email: str
    role: Role
    link: str | None


class InvitedList(BaseModel):
    """Everybody on the list; null where it was shown before, since links are shown once."""

    invited: list[ListedInvitation] | None


@router.get("")
def list_people(
    request: Request, _admin: ApiAdmin, session: DbSession, paging: Annotated[Paging, Query()]
) -> Page[PersonSummary]:
    """Everybody, the oldest account first."""
    rows = accounts.page_of_people(session, after=paging.after, limit=paging.fetched)
    return page(request, paging, rows, PersonSummary.of)


@router.post("", status_code=201)
def invite_person(request: Request, admin: ApiAdmin, session: DbSession, once: Once, body: NewPerson) -> InvitedPerson:
    """Make an account and its one-time link; 409 when the address has one in use."""

    def deed() -> InvitedPerson:
        person, token = invitations.invite(session, body.email, body.role, by=admin)
        return _with_link(request, session, person, token)

    return once(InvitedPerson, deed, secrets=SECRET)


@router.post("/invitations", status_code=201)
def invite_list(request: Request, admin: ApiAdmin, session: DbSession, once: Once, body: InvitationList) -> InvitedList:
    """Invite everybody on a list, or nobody while a line is wrong; who has an account stays as they are."""

    def deed() -> InvitedList:
        invited = invitation_lists.invite_all(session, body.people, role=body.role, by=admin)
        links = [link_of(request, one.token) if one.token else None for one in invited]
        pairs = zip(invited, links, strict=True)
        return InvitedList(invited=[ListedInvitation(email=one.email, role=one.role, link=link) for one, link in pairs])

    return once(InvitedList, deed, secrets=frozenset({"invited"}))


@router.get("/{person_id:int}")  # "invitations" is no number
def show_person(_admin: ApiAdmin, session: DbSession, person_id: PersonId) -> PersonSummary:
    """One account."""
    return PersonSummary.of(accounts.get_person(session, person_id))


@router.put("/{person_id}/role")
def change_role(admin: ApiAdmin, session: DbSession, once: Once, person_id: PersonId, body: NewRole) -> PersonSummary:
    """Give somebody another role; 409 for oneself."""

    def deed(person: Person) -> None:
        accounts.change_role(session, person, body.role, by=admin)

    return once(PersonSummary, lambda: _done(session, person_id, deed))


@router.post("/{person_id}/link")
def renew_link(request: Request, admin: ApiAdmin, session: DbSession, once: Once, person_id: PersonId) -> InvitedPerson:
    """Make a new one-time link, for somebody who lost theirs or forgot the password."""

    def deed() -> InvitedPerson:
        person = accounts.get_person(session, person_id)
        return _with_link(request, session, person, invitations.renew(session, person, by=admin))

    return once(InvitedPerson, deed, secrets=SECRET)


@router.post("/{person_id}/disable")
def disable_person(admin: ApiAdmin, session: DbSession, once: Once, person_id: PersonId) -> PersonSummary:
    """Shut somebody out: every session and token ends at once; 409 for oneself."""

    def deed(person: Person) -> None:
        accounts.disable(session, person, by=admin)

    return once(PersonSummary, lambda: _done(session, person_id, deed))


@router.post("/{person_id}/enable")
def enable_person(admin: ApiAdmin, session: DbSession, once: Once, person_id: PersonId) -> PersonSummary:
    """Let somebody in again."""

    def deed(person: Person) -> None:
        accounts.enable(session, person, by=admin)

    return once(PersonSummary, lambda: _done(session, person_id, deed))


@router.post("/{person_id}/mentions")
def find_mentions(_admin: ApiAdmin, session: DbSession, person_id: PersonId, body: Names) -> list[TextNaming]:
    """Which texts name somebody, before they are erased; changes nothing, but names do not belong in an address."""
    person = accounts.get_person(session, person_id)
    return [TextNaming.of(mention) for mention in mentions_of(session, person, body.names)]


@router.post("/{person_id}/erase")
def erase_person(
    admin: ApiAdmin, session: DbSession, once: Once, person_id: PersonId, body: Confirmation
) -> PersonSummary:
    """Erase who somebody is, for good; what they judged stays, under the pseudonym of each study."""

    def deed(person: Person) -> None:
        erase_identity(session, person, by=admin, confirmation=body.confirmation, names=body.names)

    return once(PersonSummary, lambda: _done(session, person_id, deed))


def _done(session: Session, person_id: int, deed: Callable[[Person], None]) -> PersonSummary:
    person = accounts.get_person(session, person_id)
    deed(person)
    session.flush()
    return PersonSummary.of(person)


def _with_link(request: Request, session: Session, person: Person, token: str) -> InvitedPerson:
    session.flush()
    summary = PersonSummary.of(person)
    return InvitedPerson(**summary.model_dump(), link=link_of(request, token))
