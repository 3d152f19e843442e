"""`toprank user`: accounts from the command line."""

import json
from typing import Annotated

import typer

from app.models.person import Role, TokenScope
from cli.connection import DataDir, transaction

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
        person, token = invite(session, email, role)
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
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print a new token with which a program uses the API as this person; it is shown this once."""
    from datetime import timedelta

    from app.auth.accounts import find_account
    from app.auth.api_tokens import create_api_token
    from app.errors import NotFoundError

    with transaction(data_dir) as session:
        person = find_account(session, email)
        if person is None:
            raise NotFoundError(f"Nobody has the address {email}; add them with `toprank user add`.")
        made = create_api_token(session, person, scope, valid_for=timedelta(days=days))
    print(json.dumps({"email": person.email, "scopes": sorted(set(scope)), "token": made}) if as_json else made)
