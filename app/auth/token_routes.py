"""/me/tokens: the tokens with which a researcher's or an admin's programs use the API."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.auth.api_tokens import LONGEST, LONGEST_NAME, VALID_FOR, create_api_token, revoke_api_token, tokens_of
from app.dependencies import CurrentResearcher, DbSession
from app.forms import PageForm
from app.models import Person
from app.models.person import Role, TokenScope
from app.paging import RowId
from app.templating import render, see_other

router = APIRouter(prefix="/me/tokens")

MEANINGS = {
    TokenScope.READ: "see studies, progress, passages and results",
    TokenScope.WRITE: "change studies, systems and passages",
    TokenScope.ADMIN: "people, pay and the audit log",
    TokenScope.UPLOAD: "upload checkpoints",
    TokenScope.WORKER: "fetch the files of checkpoints, as a worker does",
}


class NewTokenForm(PageForm):
    """What a new token is called, what it is for and how long it lasts."""

    name: Annotated[str, Field(max_length=LONGEST_NAME)]
    scopes: Annotated[list[TokenScope], Field(default_factory=list)]
    days: Annotated[int, Field(ge=1, le=LONGEST.days)] = VALID_FOR.days


@router.get("")
def show_tokens(request: Request, person: CurrentResearcher, session: DbSession) -> Response:
    """One's own tokens, and a form to make another."""
    return tokens_page(request, session, person)


@router.post("")
def make_token(
    request: Request, person: CurrentResearcher, session: DbSession, form: Annotated[NewTokenForm, Form()]
) -> Response:
    """A new token, shown this once."""
    valid_for = timedelta(days=form.days)
    token = create_api_token(session, person, form.scopes, valid_for=valid_for, name=form.name, by=person)
    return tokens_page(request, session, person, made=token)


@router.post("/{token_id}/revoke")
def revoke_token(
    person: CurrentResearcher, session: DbSession, token_id: RowId, _form: Annotated[PageForm, Form()]
) -> Response:
    """Make one of one's own tokens useless at once."""
    revoke_api_token(session, person, token_id, by=person)
    return see_other("/me/tokens")


def tokens_page(request: Request, session: Session, person: Person, *, made: str | None = None) -> Response:
    """The page; with the token that was just made, if one was."""
    scopes = [scope for scope in TokenScope if scope is not TokenScope.ADMIN or person.role is Role.ADMIN]
    return render(
        request,
        "auth/tokens.html",
        made=made,
        tokens=tokens_of(session, person),
        meanings={scope: MEANINGS[scope] for scope in scopes},
        days=VALID_FOR.days,
        most_days=LONGEST.days,
        now=datetime.now(UTC),
    )
