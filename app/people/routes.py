"""Who may log in: the admins' list, invitations, roles, shutting people out and forgetting them."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.auth import accounts, invitation_lists, invitations
from app.auth.erasing import erase_identity
from app.auth.mentions import likely_names, mentions_of
from app.dependencies import CurrentAdmin, CurrentResearcher, DbSession
from app.domain.english import english_of, record_english
from app.domain.paid_time import work_of
from app.forms import EnglishForm, PageForm
from app.models import Person
from app.models.person import Role
from app.people.links import link_of
from app.templating import render, see_other

router = APIRouter(prefix="/people")


Email = Annotated[str, Field(max_length=320, pattern=r"^[^\x00]*$")]


class RoleForm(PageForm):
    """What somebody is here for."""

    role: Role


class InviteForm(RoleForm):
    """Whom to invite, and as what."""

    email: Email


class InviteListForm(RoleForm):
    """Whom to invite, one on each line, and as what where a line does not say."""

    people: Annotated[str, Field(min_length=1, max_length=400_000)]


class NamesForm(PageForm):
    """What texts may call a person: a name on each line."""

    names: Annotated[str, Field(max_length=4_000, pattern=r"^[^\x00]*$")] = ""


class EraseForm(NamesForm):
    """The address of whose identity is erased, typed again."""

    confirmation: Email


@router.get("")
def show_people(request: Request, _admin: CurrentAdmin, session: DbSession) -> Response:
    """Everybody, and a form to invite somebody else."""
    return render(request, "people/list.html", people=accounts.all_people(session), roles=list(Role))


@router.post("/invite")
def invite_person(
    request: Request, admin: CurrentAdmin, session: DbSession, form: Annotated[InviteForm, Form()]
) -> Response:
    """A new account and its one-time link, shown this once."""
    person, token = invitations.invite(session, form.email, form.role, by=admin)
    return invited_page(request, person, token)


@router.post("/invite-list")
def invite_people(
    request: Request, admin: CurrentAdmin, session: DbSession, form: Annotated[InviteListForm, Form()]
) -> Response:
    """Accounts and links for everybody on a list, or for nobody."""
    invited = invitation_lists.invite_all(session, form.people, role=form.role, by=admin)
    links = [link_of(request, one.token) if one.token else "" for one in invited]
    table = invitation_lists.links_csv(invited, links)
    new = sum(one.token is not None for one in invited)
    return render(
        request,
        "people/invited_list.html",
        invited=zip(invited, links, strict=True),
        table=table,
        new=new,
        known=len(invited) - new,
        days=invitations.VALID_FOR.days,
    )


@router.get("/{person_id}")
def show_person(request: Request, admin: CurrentAdmin, session: DbSession, person_id: int) -> Response:
    """One person: their role, what they did, and the ways to shut them out or forget them."""
    one = accounts.get_person(session, person_id)
    work = work_of(session, one.id)
    return render(request, "people/person.html", one=one, work=work, roles=list(Role), is_oneself=one.id == admin.id)


@router.post("/{person_id}/link")
def renew_link(
    request: Request, admin: CurrentAdmin, session: DbSession, person_id: int, _form: Annotated[PageForm, Form()]
) -> Response:
    """A new one-time link, for somebody who lost theirs or forgot the password."""
    person = accounts.get_person(session, person_id)
    return invited_page(request, person, invitations.renew(session, person, by=admin))


def invited_page(request: Request, person: Person, token: str) -> Response:
    """The page that shows a link."""
    link, days = link_of(request, token), invitations.VALID_FOR.days
    return render(request, "people/invited.html", invited=person, link=link, days=days)


@router.post("/{person_id}/role")
def change_role(admin: CurrentAdmin, session: DbSession, person_id: int, form: Annotated[RoleForm, Form()]) -> Response:
    """Make somebody an annotator, a researcher or an admin."""
    accounts.change_role(session, accounts.get_person(session, person_id), form.role, by=admin)
    return see_other(f"/people/{person_id}")


@router.get("/{person_id}/erase")
def show_erasing(request: Request, _admin: CurrentAdmin, session: DbSession, person_id: int) -> Response:
    """What erasing somebody does, and which texts name them by their address or by what it suggests."""
    person = accounts.get_person(session, person_id)
    return erasing_page(request, session, person, names=likely_names(person))


@router.post("/{person_id}/mentions")
def find_mentions(
    request: Request, _admin: CurrentAdmin, session: DbSession, person_id: int, form: Annotated[NamesForm, Form()]
) -> Response:
    """The same with names of one's own; no GET, since names in an address would stay in logs and histories."""
    person = accounts.get_person(session, person_id)
    return erasing_page(request, session, person, names=form.names.splitlines())


def erasing_page(request: Request, session: Session, person: Person, *, names: list[str]) -> Response:
    """The page that lists the texts."""
    mentions = [] if person.erased_at else mentions_of(session, person, names)
    changing = [mention for mention in mentions if not mention.stays]
    staying = [mention for mention in mentions if mention.stays]
    return render(request, "people/erase.html", one=person, names=names, changing=changing, staying=staying)


@router.post("/{person_id}/erase")
def erase_person(
    admin: CurrentAdmin, session: DbSession, person_id: int, form: Annotated[EraseForm, Form()]
) -> Response:
    """Erase who somebody is, and keep what they judged."""
    person = accounts.get_person(session, person_id)
    erase_identity(session, person, by=admin, confirmation=form.confirmation, names=form.names.splitlines())
    return see_other(f"/people/{person_id}")


@router.get("/{person_id}/english")
def show_english(request: Request, _researcher: CurrentResearcher, session: DbSession, person_id: int) -> Response:
    """How an annotator's English was verified, and a form to record it."""
    annotator = accounts.get_annotator(session, person_id)
    known, today = english_of(session, annotator.id), datetime.now(UTC).date()
    return render(request, "people/english.html", annotator=annotator, known=known, today=today)


@router.post("/{person_id}/english")
def submit_english(
    researcher: CurrentResearcher, session: DbSession, person_id: int, form: Annotated[EnglishForm, Form()]
) -> Response:
    """Record it; what the annotator stated stays on record."""
    annotator = accounts.get_annotator(session, person_id)
    record_english(session, annotator.id, form.statement, recorded_by=researcher.id)
    return see_other(f"/people/{annotator.id}/english")


@router.post("/{person_id}/disable")
def disable_person(
    admin: CurrentAdmin, session: DbSession, person_id: int, _form: Annotated[PageForm, Form()]
) -> Response:
    """Shut somebody out at once."""
    accounts.disable(session, accounts.get_person(session, person_id), by=admin)
    return see_other("/people")


@router.post("/{person_id}/enable")
def enable_person(
    admin: CurrentAdmin, session: DbSession, person_id: int, _form: Annotated[PageForm, Form()]
) -> Response:
    """Let somebody in again."""
    accounts.enable(session, accounts.get_person(session, person_id), by=admin)
    return see_other("/people")
