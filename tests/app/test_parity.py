"""One thing, three ways: each page's action, the operation of the API and the command that do the same.

A new route or command has to be put into the table beside its two others, or be named with the reason why it is alone.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import typer
from fastapi import FastAPI
from typer.core import TyperGroup

from cli.main import app as cli
from tests.app.api.test_access import OPEN
from tests.app.api.test_access import routes_of as operations_of
from tests.app.test_access import routes_of as pages_of


class Ways(NamedTuple):
    """Routes of pages, operations below /api/v1, and commands, one on each line; a command may name its option."""

    pages: str
    operations: str
    commands: str


S = "/studies/{slug}"
P = f"{S}/passages/{{passage_id}}"
ACTIONS = {
    "list studies": Ways("GET /studies", "GET /studies", "study list"),
    "make a study": Ways(
        "GET /studies/new\nPOST /studies/new\nPOST /studies/tokenizers", "POST /studies", "study create"
    ),
    "copy a study": Ways("POST /studies/new", f"POST {S}/copies", "study copy"),
    "open, pause, close": Ways(f"POST {S}/state/{{deed}}", f"PUT {S}/state", "study open\nstudy pause\nstudy close"),
    "follow a study": Ways(
        f"GET {S}",
        f"GET {S}/progress\nGET {S}/pace\nGET {S}/alerts\nGET /jobs",
        "study show\njobs",
    ),
    "see settings": Ways(
        f"GET {S}/settings\nGET {S}/settings/{{step}}",
        f"GET {S}\nGET {S}/forecast\nGET {S}/protocol",
        "study set\nstudy forecast\nstudy protocol",
    ),
    "change settings": Ways(
        f"POST {S}/settings/basics\nPOST {S}/settings/guidelines\nPOST {S}/settings/asking\nPOST {S}/settings/quality",
        f"PATCH {S}",
        "study set\nstudy ask\nstudy rules",
    ),
    "add a dataset": Ways(f"POST {S}/settings/datasets", f"POST {S}/datasets", "dataset add"),
    "remove a dataset": Ways(
        f"POST {S}/settings/datasets/remove", f"DELETE {S}/datasets/{{dataset}}", "dataset remove"
    ),
    "list systems": Ways(
        f"GET {S}/settings/{{step}}", f"GET {S}/systems\nGET {S}/systems/{{system_id}}", "system list"
    ),
    "add a system": Ways(f"POST {S}/settings/systems", f"POST {S}/systems", "system add"),
    "remove a system": Ways(f"POST {S}/settings/systems/remove", f"DELETE {S}/systems/{{system_id}}", "system remove"),
    "choose contrasts": Ways(f"POST {S}/settings/contrasts", f"PUT {S}/contrasts", "study protocol --contrast"),
    "set the stopping rule": Ways(f"POST {S}/settings/stopping", f"PUT {S}/stopping", "study protocol --stop"),
    "write a consent form": Ways(f"POST {S}/settings/consent", f"PUT {S}/consent", "study ask --consent"),
    "see consent forms": Ways(
        f"GET {S}/settings/{{step}}", f"GET {S}/consent\nGET {S}/consent/versions", "study consent --version"
    ),
    "make a qualification": Ways(f"POST {S}/settings/qualification", f"POST {S}/qualification", "study qualification"),
    "see the qualification": Ways(f"GET {S}/settings/{{step}}", f"GET {S}/qualification", "study qualification --show"),
    "make gold": Ways(f"POST {S}/settings/gold", f"POST {S}/gold", "study gold"),
    "count gold": Ways(f"GET {S}/settings/{{step}}", f"GET {S}/gold", "study gold --show"),
    "import passages": Ways(
        f"GET {S}/passages/import\nPOST {S}/passages/import",
        f"POST {S}/datasets/{{dataset}}/passages\nPOST {S}/datasets/{{dataset}}/images",
        "passages import",
    ),
    "list passages": Ways(
        f"GET {S}/passages", f"GET {S}/passages\nGET {P}\nGET {S}/validation", "passages list\nstudy show"
    ),
    "read what waits": Ways(f"GET {S}/passages/validate", f"GET {S}/passages", "passages list --state"),
    "judge a passage": Ways(
        f"POST {P}/accept\nPOST {P}/reject\nPOST {P}/reconsider", f"PUT {P}/verdict", "passages judge --reject"
    ),
    "cut a passage elsewhere": Ways(f"POST {P}/trim", f"POST {P}/trim", "passages trim"),
    "mend a passage": Ways(f"POST {P}/edit", f"PUT {P}/text", "passages edit"),
    "check passages again": Ways(f"POST {S}/passages/check", f"POST {S}/passages/check", "passages check"),
    "use edited passages": Ways(
        f"POST {S}/passages/use-edited", f"POST {S}/datasets/{{dataset}}/use-edited", "dataset use-edited"
    ),
    "direct writing": Ways(f"POST {S}/generation/{{deed}}", f"POST {S}/generation", "generate --system"),
    "read for scores": Ways(f"POST {S}/scoring", f"POST {S}/scoring", "score"),
    "see scores": Ways(f"GET {S}/results", f"GET {S}/scores", "score --show"),
    "measure": Ways(f"POST {S}/measurements", f"POST {S}/measurements", "measure"),
    "follow the measuring": Ways(f"GET {S}/results", f"GET {S}/measurements", "measure --show"),
    "take a look": Ways(f"POST {S}/looks", f"POST {S}/looks", "results --look"),
    "see results": Ways(f"GET {S}/results", f"GET {S}/results", "results"),
    "take results as files": Ways(
        f"GET {S}/results/{{name}}.{{extension}}\nGET {S}/results.zip",
        f"GET {S}/results/{{name}}.{{extension}}\nGET {S}/results.zip",
        "results --out",
    ),
    "read texts": Ways(f"GET {S}/texts\nGET {S}/texts/{{passage_id}}", f"GET {S}/texts", "texts --passage"),
    "export": Ways(f"GET {S}/export\nGET {S}/export.{{file_format}}", f"GET {S}/export", "export"),
    "bundle": Ways(f"GET {S}/bundle\nGET {S}/bundle.zip", f"GET {S}/bundle", "bundle make"),
    "see how annotators work": Ways(f"GET {S}/quality", f"GET {S}/annotators", "study quality"),
    "read annotators' notes": Ways(f"GET {S}/quality/flags", f"GET {S}/flags", "study flags"),
    "pause an annotator": Ways(
        f"POST {S}/quality/{{annotator}}/pause", f"POST {S}/annotators/{{annotator}}/pause", "study pause-annotator"
    ),
    "resume an annotator": Ways(
        f"POST {S}/quality/{{annotator}}/resume", f"POST {S}/annotators/{{annotator}}/resume", "study resume"
    ),
    "withdraw an annotator": Ways(
        f"POST {S}/quality/{{annotator}}/withdraw", f"POST {S}/annotators/{{annotator}}/withdraw", "study withdraw"
    ),
    "list checkpoints": Ways("GET /checkpoints", "GET /checkpoints", "checkpoint list"),
    "see a checkpoint": Ways("GET /checkpoints/{checkpoint_id}", "GET /checkpoints/{checkpoint_id}", "checkpoint show"),
    "add a checkpoint": Ways("POST /checkpoints", "POST /checkpoints", "checkpoint add"),
    "change how it is loaded": Ways(
        "POST /checkpoints/{checkpoint_id}/loading", "PUT /checkpoints/{checkpoint_id}/loading", "checkpoint set"
    ),
    "try a checkpoint again": Ways(
        "POST /checkpoints/{checkpoint_id}/validate", "POST /checkpoints/{checkpoint_id}/validate", "checkpoint retry"
    ),
    "upload a checkpoint": Ways(
        "GET /checkpoints/upload",
        "POST /uploads\nGET /uploads/{upload_id}\nHEAD /uploads/{upload_id}/files/{number}\n"
        "PATCH /uploads/{upload_id}/files/{number}\nPOST /uploads/{upload_id}/files/{number}/check\n"
        "POST /uploads/{upload_id}/finish",
        "checkpoint upload",
    ),
    "see unfinished uploads": Ways("GET /checkpoints/upload", "GET /uploads", "checkpoint uploads"),
    "cancel an upload": Ways(
        "POST /checkpoints/upload/{upload_id}/cancel", "DELETE /uploads/{upload_id}", "checkpoint uploads --cancel"
    ),
    "hyperfit": Ways(
        "GET /checkpoints/hyperfit\nPOST /checkpoints/hyperfit\n"
        "GET /checkpoints/hyperfit/images\nPOST /checkpoints/hyperfit/images",
        "POST /hyperfittings\nPOST /hyperfittings/images",
        "hyperfit --queue",
    ),
    "list runs of the trainer": Ways("GET /checkpoints/hyperfittings", "GET /hyperfittings", "checkpoint runs"),
    "follow a run": Ways(
        "GET /checkpoints/{checkpoint_id}/hyperfitting", "GET /hyperfittings/{checkpoint_id}", "checkpoint show"
    ),
    "let a run go on": Ways(
        "POST /checkpoints/{checkpoint_id}/hyperfitting",
        "POST /hyperfittings/{checkpoint_id}/continue",
        "checkpoint retry",
    ),
    "see downstream tasks": Ways(
        "GET /checkpoints/downstream\nGET /checkpoints/downstream/{key}.csv",
        "GET /downstream/runs\nGET /downstream/runs/{run_id}\nGET /downstream/tables",
        "downstream --show",
    ),
    "order downstream tasks": Ways(
        "GET /checkpoints/downstream/new\nPOST /checkpoints/downstream\nPOST /checkpoints/downstream/{run_id}/queue",
        "POST /downstream/runs\nPOST /downstream/runs/{run_id}",
        "downstream",
    ),
    "stop downstream tasks": Ways(
        "POST /checkpoints/downstream/{run_id}/cancel", "POST /downstream/runs/{run_id}", "downstream --cancel"
    ),
    "list people": Ways("GET /people", "GET /people", "user list"),
    "see a person": Ways("GET /people/{person_id}", "GET /people/{person_id}\nGET /people/pay", "user list\nuser pay"),
    "invite somebody": Ways("POST /people/invite", "POST /people", "user add"),
    "invite a list": Ways("POST /people/invite-list", "POST /people/invitations", "user invite"),
    "make a new link": Ways("POST /people/{person_id}/link", "POST /people/{person_id}/link", "user link"),
    "change a role": Ways("POST /people/{person_id}/role", "PUT /people/{person_id}/role", "user role"),
    "disable": Ways("POST /people/{person_id}/disable", "POST /people/{person_id}/disable", "user disable"),
    "enable": Ways("POST /people/{person_id}/enable", "POST /people/{person_id}/enable", "user enable"),
    "find who is named": Ways(
        "GET /people/{person_id}/erase\nPOST /people/{person_id}/mentions",
        "POST /people/{person_id}/mentions",
        "user mentions",
    ),
    "erase an identity": Ways("POST /people/{person_id}/erase", "POST /people/{person_id}/erase", "user erase"),
    "see and record English": Ways(
        "GET /people/{person_id}/english\nPOST /people/{person_id}/english",
        "GET /people/{person_id}/english\nPUT /people/{person_id}/english",
        "user english",
    ),
    "pay": Ways("GET /people/pay\nGET /people/pay.csv", "GET /people/pay", "user pay"),
    "read the audit log": Ways("GET /audit", "GET /audit", "audit"),
    "see and revoke tokens": Ways(
        "GET /me/tokens\nPOST /me/tokens/{token_id}/revoke",
        "GET /tokens\nDELETE /tokens/{token_id}",
        "user tokens --revoke",
    ),
}
ANNOTATING = "people judge on pages alone"
ITSELF = "a browser's own login"
PAGES_ALONE = {
    **dict.fromkeys(("GET /annotate", "POST /annotate", "GET /annotate/revise", "POST /annotate/revise"), ANNOTATING),
    **dict.fromkeys(("POST /annotate/skip", "POST /annotate/flag", "GET /me/answers"), ANNOTATING),
    **dict.fromkeys(("POST /annotate/keep", "POST /annotate/leave"), ANNOTATING),
    **{f"{way} /annotate/{step}": ANNOTATING for step in ("consent", "english") for way in ("GET", "POST")},
    **{f"{way} /annotate/{step}": ANNOTATING for step in ("guidelines", "qualification") for way in ("GET", "POST")},
    "POST /annotate/qualification/next": ANNOTATING,
    **dict.fromkeys(("GET /", "GET /login", "POST /login", "POST /logout"), ITSELF),
    **dict.fromkeys(("GET /invite/{token}", "POST /invite/{token}"), ITSELF),
    "GET /me": "one's own account",
    "POST /me/password": "only who knows the present password may change it; others get a link",
    "POST /me/tokens": "a token is never made by another token; `user token` makes one too",
    f"POST {S}/settings/guidelines/preview": "shows what is in a field, and keeps nothing",
    "GET /api/v1/docs": "the API for people",
    **dict.fromkeys(("GET /healthz", "GET /readyz", "GET /metrics"), "for whatever watches the server"),
}
OPERATIONS_ALONE = {
    "GET /stored/{sha256}": "workers fetch what they do not share",
    "GET /stored/{sha256}/files/{name:path}": "workers fetch what they do not share",
    "POST /checkpoints/{checkpoint_id}/uploads": "workers send what they trained",
}
HERE = "it is about this machine"
COMMANDS_ALONE = {
    **{f"db {verb}": HERE for verb in ("start", "stop", "status", "url", "migrate", "backup", "restore", "tidy")},
    **dict.fromkeys(("demo", "up", "serve", "worker", "checkpoint tidy", "images adopt", "images new"), HERE),
    "recipe run": "it trains, evaluates and reports here, from a file",
    "bundle verify": "it needs no server: whoever has the file checks it",
    "user token": "on pages one makes one's own; a token is never made by another token",
}


def commands_of(command: Any, before: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every command of the parser, with its options."""
    if isinstance(command, TyperGroup):
        for name, one in command.commands.items():
            yield from commands_of(one, f"{before} {name}".strip())
    else:
        yield before, {option for parameter in command.params for option in parameter.opts}


COMMANDS = dict(commands_of(typer.main.get_command(cli)))


def named(way: str) -> set[str]:
    return {line for ways in ACTIONS.values() for line in getattr(ways, way).splitlines()}


def without_options(commands: set[str]) -> set[str]:
    return {command.partition(" --")[0] for command in commands}


def test_every_action_of_a_page_has_an_operation_and_a_command(app: FastAPI) -> None:
    """Whoever adds a page's route adds the other two, or says in PAGES_ALONE why there are none."""
    assert set(pages_of(app)) == named("pages") | set(PAGES_ALONE)
    assert not named("pages") & set(PAGES_ALONE)


def test_every_operation_has_a_page_and_a_command(app: FastAPI) -> None:
    assert set(operations_of(app)) - OPEN == named("operations") | set(OPERATIONS_ALONE)
    assert not named("operations") & set(OPERATIONS_ALONE)


def test_every_command_has_a_page_and_an_operation() -> None:
    assert set(COMMANDS) == without_options(named("commands")) | set(COMMANDS_ALONE)
    assert not without_options(named("commands")) & set(COMMANDS_ALONE)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_there_in_all_three_ways(action: str) -> None:
    assert all(ACTIONS[action])
    for line in ACTIONS[action].commands.splitlines():
        command, _, option = line.partition(" --")
        assert not option or f"--{option}" in COMMANDS[command]
