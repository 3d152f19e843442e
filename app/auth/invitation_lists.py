"""Inviting many at once, from a list as a spreadsheet saves it: an address on each line, and a role behind a comma."""

import csv
import io
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.auth.accounts import EmailError, find_account, normalised_email
from app.auth.invitations import invite
from app.domain.formulas import guarded
from app.errors import ToprankError
from app.models import Person
from app.models.person import Role

MOST = 1_000
COLUMNS = ("email", "role", "link")


class InvitationListError(ToprankError):
    """The list cannot be used, and nobody was invited; the message says which lines are wrong."""


@dataclass(frozen=True)
class Invited:
    """Somebody on the list: the token of their link, None for those who have an account already."""

    email: str
    role: Role
    token: str | None


def invite_all(session: Session, text: str, *, role: Role, by: Person | None) -> list[Invited]:
    """Invite everybody on the list, or nobody when a line is wrong; `role` is for lines without one of their own.

    Whoever has an account in use is left as they are. Raises InvitationListError.
    """
    return [_invite(session, email, own, by) for email, own in read_list(text, role=role).items()]


def read_list(text: str, *, role: Role) -> dict[str, Role]:
    """Role by address, in the list's order. A first line "email,role" is a head. Raises InvitationListError."""
    wanted: dict[str, Role] = {}
    wrong = []
    for number, cells in enumerate(_rows(text), start=1):
        if not any(cells) or (number == 1 and cells[0].lower() in ("email", "e-mail")):
            continue
        try:
            email, own = _read(cells, role)
        except ToprankError as error:
            wrong.append(f"line {number}: {error}")
            continue
        if wanted.setdefault(email, own) is not own:
            wrong.append(f"line {number}: {email} stands there twice, with two roles.")
    if wrong:
        more = f" (and {len(wrong) - 5} more)" if len(wrong) > 5 else ""
        raise InvitationListError(f"Nobody was invited. {' '.join(wrong[:5])}{more}")
    if not 1 <= len(wanted) <= MOST:
        raise InvitationListError(f"A list has 1 to {MOST} addresses; this one has {len(wanted)}.")
    return wanted


def links_csv(invited: list[Invited], links: list[str]) -> str:
    """The links as a table for a mail program: email, role, link; an empty link where there is an account already."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for one, link in zip(invited, links, strict=True):
        writer.writerow((guarded(one.email), one.role, link))
    return out.getvalue()


def _rows(text: str) -> list[list[str]]:
    # Spreadsheets of half the world separate by semicolons, and many write a byte order mark.
    lines = [line.replace(";", ",").replace("\t", ",") for line in text.lstrip("\ufeff").splitlines()]
    return [[cell.strip() for cell in line.split(",")] for line in lines]


def _read(cells: list[str], role: Role) -> tuple[str, Role]:
    email, *rest = cells
    own = [cell for cell in rest if cell]
    if len(own) > 1:
        raise ToprankError("there is more on it than an address and a role.")
    try:
        return normalised_email(email), Role(own[0].lower()) if own else role
    except EmailError as error:
        raise ToprankError(f"{email[:40]!r} is no e-mail address.") from error
    except ValueError as error:
        raise ToprankError(f"{own[0][:40]!r} is no role; there are {', '.join(Role)}.") from error


def _invite(session: Session, email: str, role: Role, by: Person | None) -> Invited:
    person = find_account(session, email)
    if person is not None and (person.password_hash is not None or person.disabled_at is not None):
        return Invited(email, person.role, None)
    return Invited(email, role, invite(session, email, role, by=by)[1])
