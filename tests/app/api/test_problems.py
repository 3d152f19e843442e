"""Errors under /api/v1: problem+json, whatever goes wrong."""

import json

from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import text
from starlette.routing import Mount

from app.dependencies import DbSession
from app.errors import UnavailableError
from app.problems import MEDIA_TYPE
from tests.app.api.conftest import Program
from tests.app.conftest import ORIGIN


def api_of(app: FastAPI) -> FastAPI:
    """The API, on which a test may hang a route that fails."""
    mount = next(route for route in app.routes if isinstance(route, Mount) and route.path == "/api/v1")
    assert isinstance(mount.app, FastAPI)
    return mount.app


def problem_of(answer: Response, status: int) -> dict[str, object]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    body: dict[str, object] = answer.json()
    assert (body["status"], body["type"]) == (status, "about:blank")
    assert body["title"]
    return body


def test_without_a_token_the_answer_says_how_to_send_one(stranger: Program) -> None:
    refused = stranger.ask("GET", "/tokens")
    assert "Authorization: Bearer TOKEN" in str(problem_of(refused, 401)["detail"])
    assert refused.headers["www-authenticate"] == "Bearer"


def test_an_unknown_address_is_a_problem_too(stranger: Program) -> None:
    for path in ("/nowhere", "/studies/one%0Atwo/nowhere", "/"):
        assert "openapi.json lists" in str(problem_of(stranger.ask("GET", path), 404)["detail"])


def test_a_wrong_method_is_told_the_right_ones(stranger: Program) -> None:
    refused = stranger.ask("PUT", "/studies")
    problem_of(refused, 405)
    assert refused.headers["allow"] == "GET, POST"


def test_what_does_not_fit_is_named_part_by_part(researcher_program: Program) -> None:
    body = problem_of(researcher_program.ask("GET", "/tokens?limit=0&more=1"), 422)
    assert {error["where"] for error in body["errors"]} == {"query.limit", "query.more"}  # type: ignore[union-attr,index]


def test_another_site_s_page_is_refused_in_the_same_form(researcher_program: Program) -> None:
    refused = researcher_program.post("/api/v1/tokens", headers={"Origin": "http://evil.example"})
    assert "came from another site" in str(problem_of(refused, 403)["detail"])
    assert researcher_program.delete("/api/v1/tokens/999999", headers={"Origin": ORIGIN}).status_code == 404


def test_a_fault_of_ours_tells_nothing_about_itself(app: FastAPI, stranger: Program) -> None:
    @api_of(app).get("/broken")
    def broken() -> None:
        raise RuntimeError("the password is swordfish")

    answer = stranger.ask("GET", "/broken")
    problem_of(answer, 500)
    assert "swordfish" not in answer.text


def test_a_value_that_no_database_holds_is_the_asker_s_mistake(app: FastAPI, stranger: Program) -> None:
    @api_of(app).get("/zero")
    def zero(session: DbSession) -> None:
        session.execute(text("SELECT CAST(:value AS text)"), {"value": "a\x00b"})

    problem_of(stranger.ask("GET", "/zero"), 422)


def test_a_database_that_is_away_says_when_to_come_back(app: FastAPI, stranger: Program) -> None:
    @api_of(app).get("/away")
    def away() -> None:
        raise UnavailableError("It is away.")

    @api_of(app).get("/dead")
    def dead(session: DbSession) -> None:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    for path in ("/away", "/dead"):
        answer = stranger.ask("GET", path)
        problem_of(answer, 503)
        assert answer.headers["retry-after"] == "10"


def test_a_body_that_is_no_json_is_a_problem(app: FastAPI, stranger: Program) -> None:
    @api_of(app).post("/echo")
    def echo(body: dict[str, int]) -> dict[str, int]:
        return body

    answer = stranger.post("/api/v1/echo", content=b"{", headers={"Content-Type": "application/json"})
    problem_of(answer, 422)


def test_the_description_knows_problems_and_every_route_may_have_one(stranger: Program) -> None:
    described = json.loads(stranger.ask("GET", "/openapi.json").text)
    assert json.loads(stranger.ask("GET", "/openapi.json").text) == described
    assert described["components"]["schemas"]["Problem"]["properties"]["detail"]["type"] == "string"
    assert described["servers"] == [{"url": "/api/v1"}]
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            assert MEDIA_TYPE in route["responses"]["default"]["content"], f"{method} {path}"
            assert route["security"], f"{method} {path} asks for no token"
