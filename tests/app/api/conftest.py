"""Programs that use the API: each sends its token, whose person is made with it."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.auth.api_tokens import create_api_token
from app.models.person import Role, TokenScope
from tests.app.conftest import ORIGIN
from tests.factories import make_person

EVERYTHING = (TokenScope.READ, TokenScope.WRITE)


class Program(TestClient):
    """Asks addresses below /api/v1, as whoever its token belongs to."""

    def __init__(self, app: FastAPI, token: str | None, person_id: int = 0) -> None:
        super().__init__(app, base_url=ORIGIN, raise_server_exceptions=False, follow_redirects=False)
        self.person_id = person_id
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, **options: object) -> Response:
        """A request; `key` is its Idempotency-Key."""
        key = options.pop("key", None)
        headers = {"Idempotency-Key": str(key)} if key else {}
        return self.request(method, f"/api/v1{path}", headers=headers, **options)  # type: ignore[arg-type]


@pytest.fixture
def program(app: FastAPI, db: Session) -> Callable[..., Program]:
    """Makes a person of the role with a token of the scopes, and their program."""

    def make(role: Role = Role.RESEARCHER, *scopes: TokenScope) -> Program:
        person = make_person(db, role=role)
        more = (TokenScope.ADMIN,) if role is Role.ADMIN else ()
        token = create_api_token(db, person, scopes or (*EVERYTHING, *more))
        db.commit()
        return Program(app, token, person.id)

    return make


@pytest.fixture
def researcher_program(program: Callable[..., Program]) -> Program:
    """A researcher's, which may read and write."""
    return program(Role.RESEARCHER)


@pytest.fixture
def stranger(app: FastAPI) -> Program:
    """A program without a token."""
    return Program(app, None)
