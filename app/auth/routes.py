"""Log in, log out, accept an invitation, change one's password."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.auth import accounts, invitations, login_limit
from app.auth.passwords import PasswordError
from app.auth.sessions import end_session, start_session
from app.dependencies import CurrentPerson, DbSession, FoundVisitor, ShortTransactions
from app.domain.paid_time import work_of
from app.form_tokens import browser_token_or_new, delete_cookie, set_cookie
from app.forms import PageForm
from app.models import Person
from app.models.person import Role
from app.resources import resources_of
from app.templating import render, see_other
from app.wording import N_

router = APIRouter()

WRONG = N_("The e-mail address or the password is wrong. Check both; an admin can make you a link for a new password.")
WRONG_CURRENT = N_("The present password is wrong, so nothing was changed.")
NOT_THE_SAME = N_("The two passwords differ, so nothing was changed. Type the same one twice.")

# Shown by `role | translated`.
ROLES = (N_("annotator"), N_("researcher"), N_("admin"))

# Longer input is refused before it is hashed or stored.
Email = Annotated[str, Field(max_length=320, pattern=r"^[^\x00]*$")]  # a text of the database has no NUL
Password = Annotated[str, Field(max_length=1024)]


class LoginForm(PageForm):
    """Who one is, and the page one wanted."""

    email: Email
    password: Password
    next: Annotated[str, Field(max_length=2048)] = "/"


class NewPasswordForm(PageForm):
    """A password, typed twice."""

    password: Password
    again: Password


class ChangePasswordForm(NewPasswordForm):
    """A new password, and the present one as proof."""

    current: Password


def page_here(address: str) -> str:
    """The address if it is a path on this site, else the first page: a login must not lead anybody elsewhere."""
    is_path = address.isprintable() and address.startswith("/") and not address.startswith("//")
    return address if is_path and "\\" not in address else "/"


def address_of(request: Request) -> str:
    """Where the request comes from, as the limit on failed logins counts it."""
    return login_limit.counted_address(request.client.host) if request.client else "unknown"


def logged_in(request: Request, session: DbSession, person: Person, *, then: str) -> RedirectResponse:
    """A new session's cookie, and off to the page."""
    end_session(session, browser_token_or_new(request))
    response = see_other(then)
    lifetime = resources_of(request).settings.session_lifetime
    set_cookie(request, response, start_session(session, person, lifetime=lifetime))
    return response


@router.get("/login")
def show_login(request: Request, person: FoundVisitor, next: str = "/") -> Response:  # noqa: A002 the query's name
    """The login page; whoever is logged in goes on to where they wanted."""
    if person is not None:
        return see_other(page_here(next))
    return render(request, "auth/login.html", email="", next=page_here(next), error=None)


@router.post("/login")
def log_in(
    request: Request, session: DbSession, short: ShortTransactions, form: Annotated[LoginForm, Form()]
) -> Response:
    """Check the password, within the limit."""
    then = page_here(form.next)
    if person := prove(request, session, short, email=form.email, password=form.password):
        return logged_in(request, session, person, then=then)
    status = HTTPStatus.UNAUTHORIZED
    return render(request, "auth/login.html", status=status, email=form.email, next=then, error=WRONG)


def prove(
    request: Request, session: DbSession, short: ShortTransactions, *, email: str, password: str
) -> Person | None:
    """The person whose password this is; a wrong one is counted, whatever becomes of the request."""
    account, address = email.strip().lower(), address_of(request)
    login_limit.check_attempts(session, account=account, address=address)
    person = accounts.authenticate(session, email=account, password=password)
    if person is None:
        with short.begin() as second:
            login_limit.record_failure(second, account=account, address=address)
    return person


@router.post("/logout")
def log_out(request: Request, session: DbSession, _form: Annotated[PageForm, Form()]) -> Response:
    """End this browser's session; harmless without one."""
    end_session(session, browser_token_or_new(request))
    response = see_other("/login")
    delete_cookie(request, response)
    return response


@router.get("/invite/{token}")
def show_invitation(request: Request, token: str, session: DbSession) -> Response:
    """Where an invited person sets a password."""
    return invitation_page(request, invitations.invited_person(session, token))


def invitation_page(request: Request, person: Person, error: str | None = None) -> Response:
    """The page with the form, saying what was wrong with it if anything was."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return render(request, "auth/invite.html", status=status, email=person.email, role=person.role, error=error)


@router.post("/invite/{token}")
def accept_invitation(
    request: Request, token: str, session: DbSession, form: Annotated[NewPasswordForm, Form()]
) -> Response:
    """Set the password, use the link up, log in."""
    person = invitations.invited_person(session, token)
    if form.password != form.again:
        return invitation_page(request, person, NOT_THE_SAME)
    try:
        invitations.accept(session, token, form.password)
    except PasswordError as error:
        return invitation_page(request, person, str(error))
    return logged_in(request, session, person, then="/")


@router.get("/me")
def show_account(request: Request, person: CurrentPerson, session: DbSession, changed: bool = False) -> Response:
    """One's own account; an annotator's work and pay too."""
    return account_page(request, person, session, changed=changed)


def account_page(
    request: Request, person: Person, session: Session, *, changed: bool = False, error: str | None = None
) -> Response:
    """The page, saying what was wrong with a new password if anything was."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    work = work_of(session, person.id) if person.role is Role.ANNOTATOR else None
    return render(request, "auth/me.html", status=status, error=error, changed=changed, work=work)


@router.post("/me/password")
def change_password(
    request: Request,
    person: CurrentPerson,
    session: DbSession,
    short: ShortTransactions,
    form: Annotated[ChangePasswordForm, Form()],
) -> Response:
    """A new password: every other browser is logged out, this one gets a new session."""
    error = NOT_THE_SAME if form.password != form.again else None
    if error is None and prove(request, session, short, email=person.email, password=form.current) is None:
        error = WRONG_CURRENT
    try:
        if error is None:
            accounts.change_password(session, person, form.password)
    except PasswordError as refused:
        error = str(refused)
    if error:
        return account_page(request, person, session, error=error)
    return logged_in(request, session, person, then="/me?changed=true")
