"""Which scope each route of the API asks for, and who may have it. A route that is not in the table fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.models import Person
from app.models.person import Role, TokenScope
from tests.app.api.conftest import Program
from tests.app.api.test_problems import api_of

READ, WRITE, ADMIN = TokenScope.READ, TokenScope.WRITE, TokenScope.ADMIN
UPLOAD, WORKER = TokenScope.UPLOAD, TokenScope.WORKER


@dataclass(frozen=True)
class Access:
    """The scope that opens a route, and what it answers when nothing that it names exists and the body is empty.

    `also` are further scopes that open it.
    """

    scope: TokenScope
    answer: int
    also: tuple[TokenScope, ...] = ()

    def opens_for(self, scope: TokenScope) -> bool:
        return scope in (self.scope, *self.also)


TABLE = {
    "GET /studies/{slug}/results": Access(READ, 404),
    "GET /studies/{slug}/results.zip": Access(READ, 404),
    "GET /studies/{slug}/results/{name}.{extension}": Access(READ, 422),
    "GET /studies/{slug}/texts": Access(READ, 404),
    "POST /studies/{slug}/looks": Access(WRITE, 404),
    "GET /studies/{slug}/measurements": Access(READ, 404),
    "POST /studies/{slug}/measurements": Access(WRITE, 404),
    "GET /checkpoints": Access(READ, 200),
    "POST /checkpoints": Access(WRITE, 422),
    "POST /checkpoints/{checkpoint_id}/validate": Access(WRITE, 422),
    "PUT /checkpoints/{checkpoint_id}/loading": Access(WRITE, 422),
    "GET /downstream/runs": Access(READ, 200),
    "POST /downstream/runs": Access(WRITE, 422),
    "GET /downstream/runs/{run_id}": Access(READ, 422),
    "POST /downstream/runs/{run_id}": Access(WRITE, 422),
    "GET /downstream/tables": Access(READ, 200),
    "GET /hyperfittings": Access(READ, 200),
    "POST /hyperfittings": Access(WRITE, 422),
    "POST /hyperfittings/images": Access(WRITE, 422),
    "GET /hyperfittings/{checkpoint_id}": Access(READ, 422),
    "POST /hyperfittings/{checkpoint_id}/continue": Access(WRITE, 422),
    "GET /jobs": Access(READ, 200),
    "GET /studies": Access(READ, 200),
    "POST /studies": Access(WRITE, 422),
    "GET /studies/{slug}": Access(READ, 404),
    "PATCH /studies/{slug}": Access(WRITE, 422),
    "POST /studies/{slug}/copies": Access(WRITE, 422),
    "PUT /studies/{slug}/state": Access(WRITE, 422),
    "GET /studies/{slug}/forecast": Access(READ, 404),
    "GET /studies/{slug}/progress": Access(READ, 404),
    "GET /studies/{slug}/alerts": Access(READ, 404),
    "GET /studies/{slug}/pace": Access(READ, 404),
    "GET /studies/{slug}/protocol": Access(READ, 404),
    "POST /studies/{slug}/datasets": Access(WRITE, 422),
    "DELETE /studies/{slug}/datasets/{dataset}": Access(WRITE, 404),
    "PUT /studies/{slug}/contrasts": Access(WRITE, 422),
    "PUT /studies/{slug}/stopping": Access(WRITE, 422),
    "GET /studies/{slug}/consent": Access(READ, 404),
    "GET /studies/{slug}/consent/versions": Access(READ, 404),
    "PUT /studies/{slug}/consent": Access(WRITE, 422),
    "GET /studies/{slug}/qualification": Access(READ, 404),
    "POST /studies/{slug}/qualification": Access(WRITE, 422),
    "GET /studies/{slug}/gold": Access(READ, 404),
    "POST /studies/{slug}/gold": Access(WRITE, 422),
    "GET /studies/{slug}/annotators": Access(READ, 404),
    "POST /studies/{slug}/annotators/{annotator}/pause": Access(WRITE, 422),
    "POST /studies/{slug}/annotators/{annotator}/resume": Access(WRITE, 422),
    "POST /studies/{slug}/annotators/{annotator}/withdraw": Access(WRITE, 422),
    "GET /studies/{slug}/flags": Access(READ, 404),
    "GET /studies/{slug}/systems": Access(READ, 404),
    "POST /studies/{slug}/systems": Access(WRITE, 422),
    "GET /studies/{slug}/systems/{system_id}": Access(READ, 422),
    "DELETE /studies/{slug}/systems/{system_id}": Access(WRITE, 422),
    "GET /studies/{slug}/passages": Access(READ, 404),
    "GET /studies/{slug}/validation": Access(READ, 404),
    "POST /studies/{slug}/datasets/{dataset}/passages": Access(WRITE, 422),
    "POST /studies/{slug}/datasets/{dataset}/images": Access(WRITE, 422),
    "GET /studies/{slug}/passages/{passage_id}": Access(READ, 422),
    "PUT /studies/{slug}/passages/{passage_id}/verdict": Access(WRITE, 422),
    "POST /studies/{slug}/passages/{passage_id}/trim": Access(WRITE, 422),
    "PUT /studies/{slug}/passages/{passage_id}/text": Access(WRITE, 422),
    "POST /studies/{slug}/generation": Access(WRITE, 422),
    "GET /studies/{slug}/scores": Access(READ, 404),
    "POST /studies/{slug}/scoring": Access(WRITE, 404),
    "POST /studies/{slug}/passages/check": Access(WRITE, 404),
    "POST /studies/{slug}/datasets/{dataset}/use-edited": Access(WRITE, 404),
    "GET /tokens": Access(READ, 200),
    "DELETE /tokens/{token_id}": Access(WRITE, 422),
    "GET /stored/{sha256}": Access(WORKER, 404),
    "GET /stored/{sha256}/files/{name:path}": Access(WORKER, 404),
    "GET /uploads": Access(UPLOAD, 200),
    "POST /uploads": Access(UPLOAD, 422),
    "GET /uploads/{upload_id}": Access(UPLOAD, 404, also=(WORKER,)),
    "DELETE /uploads/{upload_id}": Access(UPLOAD, 404, also=(WORKER,)),
    "HEAD /uploads/{upload_id}/files/{number}": Access(UPLOAD, 404, also=(WORKER,)),
    "PATCH /uploads/{upload_id}/files/{number}": Access(UPLOAD, 415, also=(WORKER,)),
    "POST /uploads/{upload_id}/files/{number}/check": Access(UPLOAD, 422, also=(WORKER,)),
    "POST /uploads/{upload_id}/finish": Access(UPLOAD, 404, also=(WORKER,)),
    "GET /checkpoints/{checkpoint_id}": Access(READ, 404, also=(UPLOAD, WORKER)),
    "POST /checkpoints/{checkpoint_id}/uploads": Access(WORKER, 422),
    "GET /audit": Access(ADMIN, 200),
    "GET /people": Access(ADMIN, 200),
    "POST /people": Access(ADMIN, 422),
    "POST /people/invitations": Access(ADMIN, 422),
    "GET /people/pay": Access(ADMIN, 200),
    "GET /people/{person_id}": Access(ADMIN, 422),
    "PUT /people/{person_id}/role": Access(ADMIN, 422),
    "GET /people/{person_id}/english": Access(READ, 422),
    "PUT /people/{person_id}/english": Access(WRITE, 422),
    "POST /people/{person_id}/link": Access(ADMIN, 422),
    "POST /people/{person_id}/disable": Access(ADMIN, 422),
    "POST /people/{person_id}/enable": Access(ADMIN, 422),
    "POST /people/{person_id}/mentions": Access(ADMIN, 422),
    "POST /people/{person_id}/erase": Access(ADMIN, 422),
    "GET /studies/{slug}/export": Access(READ, 404),
    "GET /studies/{slug}/bundle": Access(READ, 404),
}
OPEN = {"GET /openapi.json", "HEAD /openapi.json"}


def routes_of(app: FastAPI) -> Iterator[str]:
    for route in iter_route_contexts(api_of(app).routes):
        yield from (f"{method} {route.path.replace(':int}', '}')}" for method in route.methods or {"ANY"})


class Nothing(dict[str, str]):
    """Fills every parameter of a path with something that does not exist."""

    def __missing__(self, name: str) -> str:
        return str(UUID(int=0)) if name == "upload_id" else "0"


def ask(program: Program, route: str) -> int:
    method, path = route.split(" ")
    return program.ask(method, path.replace(":path}", "}").format_map(Nothing())).status_code


def answers(program: Program) -> dict[str, int]:
    return {route: ask(program, route) for route in TABLE}


def test_every_route_stands_in_the_table(app: FastAPI) -> None:
    assert set(routes_of(app)) - OPEN == set(TABLE)


def test_nobody_gets_anything_without_a_token(stranger: Program) -> None:
    assert set(answers(stranger).values()) == {401}


def test_a_token_opens_what_its_scope_says(program: Callable[..., Program]) -> None:
    for role in (Role.RESEARCHER, Role.ADMIN):
        for scope in set(TokenScope) - (set() if role is Role.ADMIN else {ADMIN}):
            opened = answers(program(role, scope))
            assert opened == {route: row.answer if row.opens_for(scope) else 403 for route, row in TABLE.items()}


def test_a_token_of_somebody_who_is_an_annotator_now_opens_nothing(
    db: Session, program: Callable[..., Program]
) -> None:
    former = program(Role.ADMIN)
    db.execute(update(Person).where(Person.id == former.person_id).values(role=Role.ANNOTATOR))
    db.commit()
    assert set(answers(former).values()) == {401}


def test_an_admin_s_token_is_no_admin_s_once_they_are_none(db: Session, program: Callable[..., Program]) -> None:
    former = program(Role.ADMIN)
    db.execute(update(Person).where(Person.id == former.person_id).values(role=Role.RESEARCHER))
    db.commit()
    opened = answers(former)
    # what the token was for is still open, but for what is an admin's
    assert opened == {route: row.answer if row.scope in (READ, WRITE) else 403 for route, row in TABLE.items()}
