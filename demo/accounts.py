"""The demo's three people: one of each role, with passwords that nobody chose."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from app.auth.accounts import authenticate, change_password, create_person, find_account
from app.db import make_engine
from app.errors import ToprankError
from app.models.person import Role
from app.settings import write_private

DOMAIN = "demo.toprank.example"


@dataclass(frozen=True)
class Logins:
    """Where the logins stand, and what they are if they are new."""

    file: Path
    new: list[dict[str, str]]

    @property
    def greeting(self) -> str:
        """What the demo says when it is ready; passwords are said once, when they are made."""
        said = [f"  {login['role']:<11} {login['email']:<36} {login['password']}" for login in self.new]
        return "\n".join(["", "toprank is ready.", *said, f"The logins are in {self.file}."])


def prepare(database_url: str, file: Path) -> Logins:
    """Make the three accounts, and keep their logins in a file that only its owner can read.

    A file whose logins work is left alone; where it is gone or tells others, the three get new passwords. Raises
    ToprankError when it cannot be written.
    """
    engine = make_engine(database_url, pool_size=1)
    try:
        with Session(engine) as session, session.begin():
            if _all_work(session, _read(file)):
                return Logins(file, [])
            logins = [_login(session, role) for role in Role]
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_private(file, json.dumps(logins, indent=2) + "\n")
            except OSError as error:
                raise ToprankError(f"The logins cannot be written to {file}: {error.strerror}.") from error
            return Logins(file, logins)
    finally:
        engine.dispose()


def _login(session: Session, role: Role) -> dict[str, str]:
    email, password = f"{role}@{DOMAIN}", secrets.token_urlsafe(15)
    person = find_account(session, email)
    if person is None:
        create_person(session, email=email, role=role, password=password)
    else:
        change_password(session, person, password)
    return {"role": str(role), "email": email, "password": password}


def _read(file: Path) -> list[dict[str, str]]:
    try:
        logins = json.loads(file.read_text())
    except (OSError, ValueError):
        return []
    return logins if isinstance(logins, list) else []


def _all_work(session: Session, logins: list[dict[str, str]]) -> bool:
    try:
        roles = {login["role"] for login in logins}
        people = [authenticate(session, email=login["email"], password=login["password"]) for login in logins]
    except (KeyError, TypeError, AttributeError):
        return False
    return roles == set(Role) and all(people)
