"""`toprank user`: accounts from the command line."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from app.models.person import Role, TokenScope
from cli.connection import DataDir, transaction

if TYPE_CHECKING:
    from app.models import ApiToken

app = typer.Typer(help="Accounts.", no_args_is_help=True)


@app.callback()
def user() -> None:
    """Accounts."""


@app.command()
def add(
    email: Annotated[str, typer.Argument(help="The person's e-mail address.")],
    role: Annotated[Role, typer.Option(help="What the person is here for.")],
    server: Annotated[
        str, typer.Option(help="The address that people reach the web app at.")
    ] = "http://127.0.0.1:8000",
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make an account and print its one-time invitation link, with which the person sets a password."""
    from app.auth.invitations import VALID_FOR, invite

    with transaction(data_dir) as session:
        person, token = invite(session, email, role, by=None)
        invited = {"email": person.email, "role": str(role), "link": f"{server.rstrip('/')}/invite/{token}"}
    if as_json:
        print(json.dumps(invited))
        return
    print(f"{invited['link']}\nSend this to {invited['email']}: it works once, for {VALID_FOR.days} days.")


@app.command()
def token(
    email: Annotated[str, typer.Argument(help="Whose token it is.")],
    scope: Annotated[list[TokenScope], typer.Option(help="What it is for; may be given several times.")],
    days: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = 90,
    name: Annotated[str, typer.Option(help="What its person will know it by.")] = "",
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print a new token with which a program uses the API as this person; it is shown this once."""
    from datetime import timedelta

    from app.auth.accounts import named_person
    from app.auth.api_tokens import create_api_token

    with transaction(data_dir) as session:
        person = named_person(session, email)
        made = create_api_token(session, person, scope, valid_for=timedelta(days=days), name=name)
    print(json.dumps({"email": person.email, "scopes": sorted(set(scope)), "token": made}) if as_json else made)


@app.command()
def tokens(
    email: Annotated[str, typer.Argument(help="Whose tokens.")],
    revoke: Annotated[int | None, typer.Option(help="The number of one to make useless at once.")] = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List somebody's tokens, which are known by number since nobody keeps them, or revoke one."""
    from app.auth.accounts import named_person
    from app.auth.api_tokens import revoke_api_token, tokens_of

    with transaction(data_dir) as session:
        person = named_person(session, email)
        if revoke is not None:
            revoke_api_token(session, person, revoke)
        found = tokens_of(session, person)
    if as_json:
        print(json.dumps([_token_facts(one) for one in found], indent=2))
        return
    for one in found:
        until = "revoked" if one.revoked_at else f"until {one.expires_at.date()}"
        print(f"{one.id:>6} {one.name or 'unnamed':30} {', '.join(one.scopes):24} {until}")


def _token_facts(token: "ApiToken") -> dict[str, object]:
    times = {name: getattr(token, name) for name in ("created_at", "expires_at", "revoked_at")}
    told = {name: time.isoformat() if time else None for name, time in times.items()}
    return {"id": token.id, "name": token.name, "scopes": token.scopes} | told
