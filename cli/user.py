"""`toprank user`: accounts from the command line."""

import json
from typing import Annotated

import typer

from app.models.person import Role
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
