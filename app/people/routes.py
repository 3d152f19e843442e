"""Who may log in: the admins' list, invitations, shutting people out."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.auth import accounts, invitations
from app.dependencies import CurrentAdmin, CurrentResearcher, DbSession
from app.domain.english import english_of, record_english
from app.forms import EnglishForm, PageForm
from app.models import Person
from app.models.person import Role
from app.templating import render, see_other

router = APIRouter(prefix="/people")


class InviteForm(PageForm):
    """Whom to invite, and as what."""

    email: Annotated[str, Field(max_length=320)]
    role: Role


@router.get("")
def show_people(request: Request, _admin: CurrentAdmin, session: DbSession) -> Response:
    """Everybody, and a form to invite somebody else."""
    return render(request, "people/list.html", people=accounts.all_people(session), roles=list(Role))


@router.post("/invite")
def invite_person(
    request: Request, _admin: CurrentAdmin, session: DbSession, form: Annotated[InviteForm, Form()]
) -> Response:
    """A new account and its one-time link, shown this once."""
    person, token = invitations.invite(session, form.email, form.role)
    return invited_page(request, person, token)


@router.post("/{person_id}/link")
def renew_link(
    request: Request, _admin: CurrentAdmin, session: DbSession, person_id: int, _form: Annotated[PageForm, Form()]
) -> Response:
    """A new one-time link, for somebody who lost theirs or forgot the password."""
    person = accounts.get_person(session, person_id)
    return invited_page(request, person, invitations.renew(session, person))


def invited_page(request: Request, person: Person, token: str) -> Response:
    """The page that shows a link."""
    link = str(request.url_for("show_invitation", token=token))
    return render(request, "people/invited.html", invited=person, link=link, days=invitations.VALID_FOR.days)


@router.get("/{person_id}/english")
def show_english(request: Request, _researcher: CurrentResearcher, session: DbSession, person_id: int) -> Response:
    """How an annotator's English was verified, and a form to record it."""
    annotator = accounts.get_person(session, person_id)
    known, today = english_of(session, annotator.id), datetime.now(UTC).date()
    return render(request, "people/english.html", annotator=annotator, known=known, today=today)


@router.post("/{person_id}/english")
def submit_english(
    researcher: CurrentResearcher, session: DbSession, person_id: int, form: Annotated[EnglishForm, Form()]
) -> Response:
    """Record it; what the annotator stated stays on record."""
    annotator = accounts.get_person(session, person_id)
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
    _admin: CurrentAdmin, session: DbSession, person_id: int, _form: Annotated[PageForm, Form()]
) -> Response:
    """Let somebody in again."""
    accounts.enable(accounts.get_person(session, person_id))
    return see_other("/people")
