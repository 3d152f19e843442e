"""Who may do what: every route, for everybody. A route that is not in the table fails the first test."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.models.person import Role
from tests.app.conftest import Browser

PUBLIC = frozenset({None, *Role})
EVERYBODY = frozenset(Role)
ANNOTATORS = frozenset({Role.ANNOTATOR})
RESEARCHERS = frozenset({Role.RESEARCHER, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})


@dataclass(frozen=True)
class Access:
    """Who may use a route, and what it answers them when nothing that it names exists and no field is filled in."""

    who: frozenset[Role | None]
    answer: int


TABLE = {
    "GET /": Access(EVERYBODY, 303),
    "GET /healthz": Access(PUBLIC, 200),
    "GET /readyz": Access(PUBLIC, 200),
    "GET /metrics": Access(PUBLIC, 404),  # which asks for a token, or for the same machine
    "GET /api/v1/docs": Access(PUBLIC, 200),
    "GET /login": Access(PUBLIC, 200),  # 303 for those who are logged in
    "POST /login": Access(PUBLIC, 422),
    "POST /logout": Access(PUBLIC, 303),
    "GET /invite/{token}": Access(PUBLIC, 404),
    "POST /invite/{token}": Access(PUBLIC, 422),
    "GET /me": Access(EVERYBODY, 200),
    "POST /me/password": Access(EVERYBODY, 422),
    "GET /me/tokens": Access(RESEARCHERS, 200),
    "POST /me/tokens": Access(RESEARCHERS, 422),
    "POST /me/tokens/{token_id}/revoke": Access(RESEARCHERS, 422),
    "GET /annotate": Access(ANNOTATORS, 200),
    "POST /annotate": Access(ANNOTATORS, 422),
    "GET /annotate/revise": Access(ANNOTATORS, 303),
    "POST /annotate/revise": Access(ANNOTATORS, 422),
    "POST /annotate/skip": Access(ANNOTATORS, 422),
    "GET /me/answers": Access(ANNOTATORS, 303),
    "POST /annotate/flag": Access(ANNOTATORS, 422),
    "GET /annotate/consent": Access(ANNOTATORS, 303),
    "POST /annotate/consent": Access(ANNOTATORS, 422),
    "GET /annotate/english": Access(ANNOTATORS, 303),
    "POST /annotate/english": Access(ANNOTATORS, 422),
    "GET /annotate/guidelines": Access(ANNOTATORS, 303),
    "POST /annotate/guidelines": Access(ANNOTATORS, 422),
    "GET /annotate/qualification": Access(ANNOTATORS, 303),
    "POST /annotate/qualification": Access(ANNOTATORS, 422),
    "POST /annotate/qualification/next": Access(ANNOTATORS, 303),
    "POST /annotate/keep": Access(ANNOTATORS, 422),
    "POST /annotate/leave": Access(ANNOTATORS, 422),
    "GET /checkpoints": Access(RESEARCHERS, 200),
    "POST /checkpoints": Access(RESEARCHERS, 422),
    "GET /checkpoints/downstream": Access(RESEARCHERS, 200),
    "POST /checkpoints/downstream": Access(RESEARCHERS, 400),
    "GET /checkpoints/downstream/new": Access(RESEARCHERS, 200),
    "POST /checkpoints/downstream/{run_id}/cancel": Access(RESEARCHERS, 422),
    "POST /checkpoints/downstream/{run_id}/queue": Access(RESEARCHERS, 422),
    "GET /checkpoints/downstream/{key}.csv": Access(RESEARCHERS, 404),
    "GET /checkpoints/hyperfit": Access(RESEARCHERS, 200),
    "POST /checkpoints/hyperfit": Access(RESEARCHERS, 422),
    "GET /checkpoints/hyperfit/images": Access(RESEARCHERS, 200),
    "POST /checkpoints/hyperfit/images": Access(RESEARCHERS, 422),
    "GET /checkpoints/hyperfittings": Access(RESEARCHERS, 200),
    "GET /checkpoints/upload": Access(RESEARCHERS, 200),
    "POST /checkpoints/upload/{upload_id}/cancel": Access(RESEARCHERS, 422),
    "GET /checkpoints/{checkpoint_id}": Access(RESEARCHERS, 404),
    "POST /checkpoints/{checkpoint_id}/loading": Access(RESEARCHERS, 422),
    "POST /checkpoints/{checkpoint_id}/validate": Access(RESEARCHERS, 404),
    "GET /checkpoints/{checkpoint_id}/hyperfitting": Access(RESEARCHERS, 404),
    "POST /checkpoints/{checkpoint_id}/hyperfitting": Access(RESEARCHERS, 404),
    "GET /studies": Access(RESEARCHERS, 200),
    "GET /studies/{slug}/passages": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/passages/validate": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/passages/import": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/passages/import": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/passages/check": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/passages/use-edited": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/passages/{passage_id}/accept": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/passages/{passage_id}/reject": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/passages/{passage_id}/trim": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/passages/{passage_id}/edit": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/passages/{passage_id}/reconsider": Access(RESEARCHERS, 422),
    "GET /studies/new": Access(RESEARCHERS, 200),
    "POST /studies/new": Access(RESEARCHERS, 422),
    "POST /studies/tokenizers": Access(RESEARCHERS, 422),
    "GET /studies/{slug}/settings": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/settings/{step}": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/state/{deed}": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/settings/basics": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/settings/datasets": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/settings/datasets/remove": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/settings/systems": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/settings/systems/remove": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/settings/guidelines": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/settings/guidelines/preview": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/settings/consent": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/settings/asking": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/settings/qualification": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/settings/quality": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/settings/gold": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/settings/contrasts": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/settings/stopping": Access(RESEARCHERS, 422),
    "GET /studies/{slug}": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/generation/{deed}": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/scoring": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/results": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/results/{name}.{extension}": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/results.zip": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/texts": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/texts/{passage_id}": Access(RESEARCHERS, 422),
    "POST /studies/{slug}/measurements": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/looks": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/export": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/bundle": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/bundle.zip": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/export.{file_format}": Access(RESEARCHERS, 422),
    "GET /studies/{slug}/quality": Access(RESEARCHERS, 404),
    "GET /studies/{slug}/quality/flags": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/quality/{annotator}/pause": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/quality/{annotator}/resume": Access(RESEARCHERS, 404),
    "POST /studies/{slug}/quality/{annotator}/withdraw": Access(RESEARCHERS, 404),
    "GET /people": Access(ADMINS, 200),
    "POST /people/invite": Access(ADMINS, 422),
    "POST /people/invite-list": Access(ADMINS, 422),
    "GET /people/pay": Access(ADMINS, 200),
    "GET /people/pay.csv": Access(ADMINS, 200),
    "GET /people/{person_id}": Access(ADMINS, 404),
    "POST /people/{person_id}/role": Access(ADMINS, 422),
    "GET /people/{person_id}/erase": Access(ADMINS, 404),
    "POST /people/{person_id}/mentions": Access(ADMINS, 404),
    "POST /people/{person_id}/erase": Access(ADMINS, 422),
    "POST /people/{person_id}/link": Access(ADMINS, 404),
    "GET /people/{person_id}/english": Access(RESEARCHERS, 404),
    "POST /people/{person_id}/english": Access(RESEARCHERS, 422),
    "POST /people/{person_id}/disable": Access(ADMINS, 404),
    "POST /people/{person_id}/enable": Access(ADMINS, 404),
    "GET /audit": Access(ADMINS, 200),
}
# Logging in answers whoever is logged in with a redirect; logging out is tested last, since it does log out.
MOUNTED = {"/static", "/api/v1"}  # the API has a table of its own
SPECIAL = {"GET /login", "POST /logout"}


def routes_of(app: FastAPI) -> Iterator[str]:
    for route in iter_route_contexts(app.routes):
        if route.path not in MOUNTED:
            yield from (f"{method} {route.path}" for method in route.methods or {"ANY"})


def ask(browser: Browser, route: str) -> int:
    method, path = route.split(" ")
    path = path.format_map(Nothing())
    return (browser.get(path) if method == "GET" else browser.submit(path)).status_code


class Nothing(dict[str, str]):
    """Fills every parameter of a path with something that does not exist."""

    def __missing__(self, name: str) -> str:
        return "0"


def test_every_route_stands_in_the_table(app: FastAPI) -> None:
    assert set(routes_of(app)) == set(TABLE)


@pytest.mark.parametrize("role", [None, *Role])
def test_everybody_gets_what_the_table_says(request: pytest.FixtureRequest, role: Role | None) -> None:
    browser: Browser = request.getfixturevalue(role or "anonymous")
    refusal = 403 if role else 303
    expected = {route: row.answer if role in row.who else refusal for route, row in TABLE.items()}
    assert {route: ask(browser, route) for route in TABLE if route not in SPECIAL} == {
        route: answer for route, answer in expected.items() if route not in SPECIAL
    }
    assert ask(browser, "GET /login") == (303 if role else 200)
    assert ask(browser, "POST /logout") == 303


@pytest.mark.parametrize("route", [route for route, row in TABLE.items() if None not in row.who])
def test_the_anonymous_are_sent_to_the_login(anonymous: Browser, route: str) -> None:
    method, path = route.split(" ")
    path = path.format_map(Nothing())
    answer = anonymous.get(path) if method == "GET" else anonymous.submit(path)
    assert answer.headers["location"].startswith("/login")
