"""`toprank user` invite, list, link, role, disable, enable, mentions, erase, pay: what admins do with accounts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from app.models.person import Role
from app.models.taking_part import EnglishMethod
from cli.connection import DataDir, transaction
from cli.days import FirstDay, LastDay, day_of, period_of
from cli.files import text_of

Email = Annotated[str, typer.Argument(help="The person's e-mail address.")]
Server = Annotated[str, typer.Option(help="The address that people reach the web app at.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Names = Annotated[list[str] | None, typer.Option(help="What texts may call them; may be given several times.")]
ENGLISH = ("first_language", "method", "verified_by", "verified_on")
LOCAL = "http://127.0.0.1:8000"


def invite(
    file: Annotated[Path, typer.Argument(help="An address on each line, and behind a comma a role if it has its own.")],
    role: Annotated[Role, typer.Option(help="What those without a role of their own are here for.")] = Role.ANNOTATOR,
    server: Server = LOCAL,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Invite everybody on a list, or nobody while a line is wrong, and print a table of links (CSV)."""
    from app.auth.invitation_lists import invite_all, links_csv

    people = text_of(file)
    with transaction(data_dir) as session:
        invited = invite_all(session, people, role=role, by=None)
    links = [_link(one.token, server) if one.token else "" for one in invited]
    if as_json:
        pairs = zip(invited, links, strict=True)
        print(json.dumps([{"email": one.email, "role": str(one.role), "link": link} for one, link in pairs]))
    else:
        print(links_csv(invited, links), end="")


def list_(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print everybody with their role and state."""
    from app.auth.accounts import all_people

    with transaction(data_dir) as session:
        people = [{"email": one.email, "role": str(one.role), "state": one.state} for one in all_people(session)]
    if as_json:
        print(json.dumps(people))
        return
    for one in people:
        print(f"{one['email']}  {one['role']}  {one['state']}")


def link(email: Email, server: Server = LOCAL, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print a new one-time link, for somebody who lost theirs or forgot the password."""
    from app.auth.accounts import named_person
    from app.auth.invitations import VALID_FOR, renew

    with transaction(data_dir) as session:
        person = named_person(session, email)
        found = {"email": person.email, "link": _link(renew(session, person, by=None), server)}
    if as_json:
        print(json.dumps(found))
        return
    print(f"{found['link']}\nSend this to {found['email']}: it works once, for {VALID_FOR.days} days.")


def role(email: Email, role: Annotated[Role, typer.Argument(help="The new role.")], data_dir: DataDir = None) -> None:
    """Give somebody another role, from their next page on."""
    from app.auth.accounts import change_role, named_person

    with transaction(data_dir) as session:
        change_role(session, named_person(session, email), role, by=None)
    print(f"{email} is {role} now.")


def disable(email: Email, data_dir: DataDir = None) -> None:
    """Shut somebody out: every session and token of theirs ends at once."""
    from app.auth import accounts

    with transaction(data_dir) as session:
        accounts.disable(session, accounts.named_person(session, email), by=None)
    print(f"{email} is shut out.")


def enable(email: Email, data_dir: DataDir = None) -> None:
    """Let somebody log in again."""
    from app.auth import accounts

    with transaction(data_dir) as session:
        accounts.enable(session, accounts.named_person(session, email), by=None)
    print(f"{email} may log in again.")


def mentions(email: Email, name: Names = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the texts in which somebody is named by their address or by these names; changes nothing."""
    from dataclasses import asdict

    from app.auth.accounts import named_person
    from app.auth.mentions import mentions_of

    with transaction(data_dir) as session:
        found = mentions_of(session, named_person(session, email), name or ())
    if as_json:
        print(json.dumps([asdict(mention) for mention in found], ensure_ascii=False))
        return
    for mention in found:
        print(f"{mention.place}{' (stays)' if mention.stays else ''}: {' '.join(mention.text.split())}")
    if not found:
        print("No text names them.")


def erase(
    email: Email,
    confirmation: Annotated[str, typer.Option("--confirm", metavar="EMAIL", help="The address again.")],
    name: Names = None,
    data_dir: DataDir = None,
) -> None:
    """Erase who somebody is, for good; what they judged stays, under the pseudonym of each study.

    Notes and reasons that name them say "[erased]" instead; `toprank user mentions` lists those first.
    """
    from app.auth.accounts import named_person
    from app.auth.erasing import erase_identity

    with transaction(data_dir) as session:
        erase_identity(session, named_person(session, email), by=None, confirmation=confirmation, names=name or ())
    print("Erased. Backups made before still hold the address.")


def english(
    email: Email,
    language: Annotated[str | None, typer.Option(help="The first language.")] = None,
    method: Annotated[EnglishMethod | None, typer.Option(help="How their English was verified.")] = None,
    verified_by: Annotated[str | None, typer.Option("--by", help="Who verified it.")] = None,
    verified_on: Annotated[str | None, typer.Option("--on", metavar="YYYY-MM-DD", help="When.")] = None,
    recorder: Annotated[
        str | None, typer.Option("--as", metavar="EMAIL", help="The researcher or admin who records it.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Record how an annotator's English was verified, or without options print it; what was stated stays on record."""
    from app.auth.accounts import named_person
    from app.domain.english import EnglishStatement, english_of, record_english
    from app.errors import ToprankError

    with transaction(data_dir) as session:
        person = named_person(session, email)
        if language and method and verified_by and verified_on and recorder:
            statement = EnglishStatement(language, method, verified_by, day_of(verified_on))
            record_english(session, person.id, statement, recorded_by=named_person(session, recorder).id)
        elif any((language, method, verified_by, verified_on, recorder)):
            raise ToprankError(
                "A record has all of --language, --method, --by, --on and --as; without any, it is shown."
            )
        found = english_of(session, person.id)
        known = found and {name: str(getattr(found, name)) for name in ENGLISH}
    if as_json:
        print(json.dumps({"email": person.email, "english": known}))
    else:
        words = (
            f"{known['first_language']}, {known['method']} by {known['verified_by']} on {known['verified_on']}"
            if known
            else ""
        )
        print(f"The English of {email}: {words or 'nothing is known'}.")


def pay(since: FirstDay = None, until: LastDay = None, data_dir: DataDir = None) -> None:
    """Print everybody's hours and pay by study, in a period or in all (CSV)."""
    from app.domain.audit import record
    from app.domain.paid_time import payroll
    from app.people.payment import payment_csv

    period = period_of(since, until)
    with transaction(data_dir) as session:
        lines = payroll(session, since=period.since, until=period.until)
        record(session, None, "pay.export", None, rows=len(lines), first_day=since, last_day=until)
    print(payment_csv(lines), end="")


def _link(token: str, server: str) -> str:
    return f"{server.rstrip('/')}/invite/{token}"


COMMANDS: dict[str, Callable[..., None]] = {
    "invite": invite,
    "list": list_,
    "link": link,
    "role": role,
    "disable": disable,
    "enable": enable,
    "mentions": mentions,
    "erase": erase,
    "english": english,
    "pay": pay,
}
