"""Tokens of programs."""

from datetime import timedelta
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.auth.accounts import disable, enable
from app.auth.api_tokens import (
    PREFIX,
    ApiTokenError,
    bearer,
    create_api_token,
    find_bearer,
    revoke_api_token,
    tokens_of,
)
from app.auth.invitations import accept, renew
from app.domain.audit import AuditFilter, audit_page
from app.errors import ForbiddenError, ToprankError
from app.models import ApiToken, Person
from app.models.person import Role, TokenScope
from tests.app.conftest import Browser
from tests.factories import make_person


@pytest.fixture
def person(session: Session) -> Person:
    return make_person(session, role=Role.RESEARCHER)


def test_a_token_stands_for_its_person(session: Session, person: Person) -> None:
    token = create_api_token(session, person, [TokenScope.UPLOAD])
    assert find_bearer(session, token, TokenScope.UPLOAD) is person


def test_the_token_itself_is_not_stored(session: Session, person: Person) -> None:
    token = create_api_token(session, person, [TokenScope.UPLOAD])
    stored = session.scalars(select(ApiToken)).one()
    assert token.startswith(PREFIX)
    assert token.encode() not in stored.token_hash
    assert len(stored.token_hash) == 32


def test_a_token_does_only_what_it_is_for(session: Session, person: Person) -> None:
    token = create_api_token(session, person, [TokenScope.WORKER])
    with pytest.raises(ForbiddenError, match="lacks the scope upload"):
        find_bearer(session, token, TokenScope.UPLOAD)


@pytest.mark.parametrize("token", ["", "toprank_guess", "é"])
def test_an_unknown_token_is_refused(session: Session, token: str) -> None:
    with pytest.raises(ApiTokenError, match="Authorization: Bearer"):
        find_bearer(session, token, TokenScope.UPLOAD)


def test_an_expired_token_is_refused(session: Session, person: Person) -> None:
    token = create_api_token(session, person, [TokenScope.UPLOAD])
    stored = session.scalars(select(ApiToken)).one()
    stored.created_at, stored.expires_at = func.now() - timedelta(days=2), func.now() - timedelta(seconds=1)
    session.flush()
    with pytest.raises(ApiTokenError):
        find_bearer(session, token, TokenScope.UPLOAD)


def test_who_was_shut_out_comes_back_without_their_tokens(session: Session, person: Person) -> None:
    admin = make_person(session, role=Role.ADMIN)
    tokens = [create_api_token(session, person, [TokenScope.UPLOAD]) for _ in range(2)]
    revoke_api_token(session, person, tokens_of(session, person)[0].id)
    kept = create_api_token(session, admin, [TokenScope.UPLOAD])
    disable(session, person, by=admin)
    enable(session, person, by=admin)
    session.flush()
    for token in tokens:
        with pytest.raises(ApiTokenError):
            find_bearer(session, token, TokenScope.UPLOAD)
    assert find_bearer(session, kept, TokenScope.UPLOAD) is admin
    told = audit_page(session, AuditFilter(action="token.revoke"))
    assert [line.entry.actor_id for line in told] == [admin.id, None]


def test_a_link_that_replaces_a_password_revokes_tokens_and_one_that_sets_the_first_does_not(
    session: Session, person: Person
) -> None:
    token = create_api_token(session, person, [TokenScope.WORKER])
    accept(session, renew(session, person, by=None), "seven blue teapots")
    assert find_bearer(session, token, TokenScope.WORKER) is person
    link = renew(session, person, by=None)
    assert find_bearer(session, token, TokenScope.WORKER) is person
    accept(session, link, "eight red kettles")
    with pytest.raises(ApiTokenError):
        find_bearer(session, token, TokenScope.WORKER)


def test_a_revoked_token_is_refused(session: Session, person: Person) -> None:
    token = create_api_token(session, person, [TokenScope.UPLOAD])
    session.scalars(select(ApiToken)).one().revoked_at = func.now()
    session.flush()
    with pytest.raises(ApiTokenError):
        find_bearer(session, token, TokenScope.UPLOAD)


def test_a_token_is_revoked_once_however_often_it_is_asked(session: Session, person: Person) -> None:
    create_api_token(session, person, [TokenScope.UPLOAD])
    stored = session.scalars(select(ApiToken)).one()
    first = revoke_api_token(session, person, stored.id, by=person).revoked_at
    assert revoke_api_token(session, person, stored.id, by=person).revoked_at == first
    assert len(audit_page(session, AuditFilter(action="token.revoke"))) == 1


def test_a_disabled_person_s_token_is_refused(session: Session, person: Person) -> None:
    token = create_api_token(session, person, [TokenScope.UPLOAD])
    person.disabled_at = func.now()
    session.flush()
    with pytest.raises(ApiTokenError):
        find_bearer(session, token, TokenScope.UPLOAD)


def test_an_annotator_has_no_token(session: Session) -> None:
    with pytest.raises(ToprankError, match="for researchers and admins"):
        create_api_token(session, make_person(session), [TokenScope.UPLOAD])


def test_a_token_needs_a_scope_and_an_end(session: Session, person: Person) -> None:
    with pytest.raises(ToprankError, match="choose from: read, write, admin, upload, worker"):
        create_api_token(session, person, [])
    for days in (0, 367):
        with pytest.raises(ToprankError, match="1 to 366 days"):
            create_api_token(session, person, [TokenScope.UPLOAD], valid_for=timedelta(days=days))


@pytest.fixture
def api(app: FastAPI) -> Browser:
    """A program at a route that asks for a token to upload with."""

    @app.get("/whose")
    async def whose(person: Annotated[Person, Depends(bearer(TokenScope.UPLOAD))]) -> str:
        return person.email

    return Browser(app)


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "Bearer "])
def test_a_request_is_its_token_s_person_s(api: Browser, db: Session, kind: str) -> None:
    person = make_person(db, role=Role.RESEARCHER)
    token = create_api_token(db, person, [TokenScope.UPLOAD])
    db.commit()
    assert api.get("/whose", headers={"Authorization": f"{kind} {token}"}).text == person.email


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer  ", "Basic {token}", "{token}", "Bearer {token}x"])
def test_a_request_with_anything_but_a_valid_token_is_refused(api: Browser, db: Session, sent: str) -> None:
    token = create_api_token(db, make_person(db, role=Role.RESEARCHER), [TokenScope.UPLOAD])
    db.commit()
    refused = api.get("/whose", headers={"Authorization": sent.format(token=token)})
    assert refused.status_code == 401
    assert "Authorization: Bearer" in refused.text


def test_a_request_whose_token_is_for_something_else_is_forbidden(api: Browser, db: Session) -> None:
    token = create_api_token(db, make_person(db, role=Role.RESEARCHER), [TokenScope.WORKER])
    db.commit()
    refused = api.get("/whose", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 403
    assert "lacks the scope upload" in refused.text
