"""Passwords: which ones are good enough, and how they are kept (argon2id)."""

import unicodedata
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from app.errors import ToprankError
from app.wording import N_

MINIMUM_LENGTH = 12
MAXIMUM_LENGTH = 128
MINIMUM_DISTINCT = 5
MINIMUM_NAME = 4
COMMON = Path(__file__).with_name("common_passwords.txt")

# 19 MiB and two passes, the least that OWASP's password storage cheat sheet asks of argon2id: many people may log in
# at the same time on a small machine.
hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class PasswordError(ToprankError):
    """The password is too short, too long or too easy to guess; the message says which."""


def normalised(password: str) -> str:
    """One form for each password, whichever way a keyboard composes its characters."""
    return unicodedata.normalize("NFKC", password)


def check_strength(password: str, *, email: str) -> None:
    """Raises PasswordError unless it has 12 to 128 characters and is neither common nor made of the e-mail."""
    password = normalised(password)
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        raise PasswordError(f"A password needs {MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters; choose another one.")
    folded = password.casefold()
    if folded in common_passwords() or len(set(folded)) < MINIMUM_DISTINCT:
        raise PasswordError(N_("This password is among the first that anybody would try; choose another one."))
    name = email.partition("@")[0].casefold()
    if folded in email.casefold() or (len(name) >= MINIMUM_NAME and name in folded):
        raise PasswordError(N_("This password is made of your e-mail address; choose another one."))


@cache
def common_passwords() -> frozenset[str]:
    """Well-known passwords of 12 and more characters, in lower case."""
    return frozenset(COMMON.read_text(encoding="utf-8").splitlines())


def hash_password(password: str) -> str:
    """What is stored: algorithm, parameters, salt and hash in one string."""
    return hasher.hash(normalised(password))


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether the password fits; takes as long when there is no hash to fit, so that time tells nothing."""
    try:
        hasher.verify(password_hash or dummy_hash(), normalised(password))
    except (VerifyMismatchError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def dummy_hash() -> str:
    """A hash that stands in for an account that does not exist."""
    return hasher.hash("nobody's password")
