"""/api/v1/tokens, and with it the pages of long lists."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from app.auth.api_tokens import create_api_token
from app.models import Person
from app.models.person import Role, TokenScope
from tests.app.api.conftest import Program


def give(db: Session, program: Program, count: int) -> None:
    person = db.get_one(Person, program.person_id)
    for number in range(count):
        create_api_token(db, person, [TokenScope.UPLOAD], name=f"number {number}")
    db.commit()


def test_one_s_own_tokens_come_in_pages_without_secrets(
    db: Session, researcher_program: Program, program: Callable[..., Program]
) -> None:
    program(Role.RESEARCHER)  # somebody else's
    give(db, researcher_program, 4)
    names, sizes, address = [], [], "/tokens?limit=2"
    while address:
        answer = researcher_program.ask("GET", address).json()
        names += [token["name"] for token in answer["entries"]]
        sizes.append(len(answer["entries"]))
        address = (answer["next"] or "").removeprefix("/api/v1")
    assert names == ["", "number 0", "number 1", "number 2", "number 3"]
    assert sizes == [2, 2, 1]
    assert set(answer["entries"][0]) == {"id", "name", "scopes", "created_at", "expires_at", "revoked_at"}


def test_a_revoked_token_is_useless_at_once(researcher_program: Program) -> None:
    (mine,) = researcher_program.ask("GET", "/tokens").json()["entries"]
    revoked = researcher_program.ask("DELETE", f"/tokens/{mine['id']}")
    assert revoked.json()["revoked_at"]
    assert researcher_program.ask("GET", "/tokens").status_code == 401


def test_somebody_else_s_token_cannot_be_revoked(researcher_program: Program, program: Callable[..., Program]) -> None:
    other = program(Role.ADMIN)
    (theirs,) = other.ask("GET", "/tokens").json()["entries"]
    assert researcher_program.ask("DELETE", f"/tokens/{theirs['id']}").status_code == 404
    assert other.ask("GET", "/tokens").status_code == 200
