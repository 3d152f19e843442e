"""/me/tokens: making, listing and revoking one's own tokens."""

import re

from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.auth.api_tokens import create_api_token
from app.models import ApiToken, AuditEntry, Person
from app.models.person import Role, TokenScope
from tests.app.conftest import Browser
from tests.factories import make_person


def test_a_token_is_made_shown_once_and_revoked(app: FastAPI, researcher: Browser, db: Session) -> None:
    assert "You have no token yet." in researcher.get("/me/tokens").text
    made = researcher.submit("/me/tokens", name="a <notebook>", scopes=["read", "write"], days=7)
    token = re.search(r'value="(toprank_[\w-]+)"', made.text)
    assert token
    listed = researcher.get("/me/tokens").text
    assert token[1] not in listed
    assert "a &lt;notebook&gt;" in listed
    assert "read, write" in listed
    program = Browser(app)
    sent = {"Authorization": f"Bearer {token[1]}"}
    assert program.get("/api/v1/tokens", headers=sent).status_code == 200

    stored = db.scalars(select(ApiToken)).one()
    assert (stored.expires_at - stored.created_at).days == 7
    assert researcher.submit(f"/me/tokens/{stored.id}/revoke").status_code == 303

    assert program.get("/api/v1/tokens", headers=sent).status_code == 401
    assert ">revoked<" in researcher.get("/me/tokens").text
    assert list(db.scalars(select(AuditEntry.action).order_by(AuditEntry.id))) == ["token.make", "token.revoke"]
    assert all(db.scalars(select(AuditEntry.actor_id)))


def test_a_token_for_nothing_is_refused(researcher: Browser) -> None:
    refused = researcher.submit("/me/tokens", name="idle", days=7)
    assert refused.status_code == 400
    assert "A token needs a scope" in refused.text


def test_only_admins_can_have_the_scope_of_admins(researcher: Browser, admin: Browser) -> None:
    assert 'value="admin"' not in researcher.get("/me/tokens").text
    refused = researcher.submit("/me/tokens", name="more", scopes=["admin"], days=7)
    assert (refused.status_code, "is no admin" in refused.text) == (400, True)
    assert 'value="admin"' in admin.get("/me/tokens").text
    assert admin.submit("/me/tokens", name="more", scopes=["admin"], days=7).status_code == 200


def test_a_name_is_printable_and_short(researcher: Browser) -> None:
    for name, status in {"x" * 201: 422, "a\nb": 400}.items():
        assert researcher.submit("/me/tokens", name=name, scopes=["read"], days=7).status_code == status


def test_nobody_can_revoke_another_s_token(researcher: Browser, db: Session) -> None:
    other: Person = make_person(db, role=Role.ADMIN)
    create_api_token(db, other, [TokenScope.READ])
    db.commit()
    theirs = db.scalars(select(ApiToken)).one()
    assert researcher.submit(f"/me/tokens/{theirs.id}/revoke").status_code == 404
    db.refresh(theirs)
    assert theirs.revoked_at is None


def test_the_account_page_leads_there_where_it_is_of_use(researcher: Browser, annotator: Browser) -> None:
    assert 'href="/me/tokens"' in researcher.get("/me").text
    assert 'href="/me/tokens"' not in annotator.get("/me").text
