"""Ten failed logins in five minutes, for one account or from one address, and no more are tried for a while."""

import ipaddress
from datetime import timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.errors import TooManyAttemptsError
from app.models import LoginAttempt

FAILURES = 10
WINDOW = timedelta(minutes=5)
KEPT_FOR = timedelta(days=1)


class LoginLimitError(TooManyAttemptsError):
    """Too many failed logins, so this one was not tried. Wait five minutes, then try again."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def counted_address(host: str) -> str:
    """One address for all that one sender has: of IPv6 everybody has a whole network of 64 bits, at the least.

    >>> counted_address("2001:db8::1"), counted_address("192.0.2.1"), counted_address("::ffff:192.0.2.1")
    ('2001:db8::/64', '192.0.2.1', '192.0.2.1')
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


def check_attempts(session: Session, *, account: str, address: str) -> None:
    """Raises LoginLimitError once the limit is reached.

    Attempts for one account, or from one address, wait for each other until the end of the transaction: otherwise a
    hundred guesses sent at once would all be made before the first failure is counted. Always address first, then
    account, so that two attempts never wait for each other both.
    """
    for kind, value in (("address", address), ("account", account)):
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"{kind} {value}"})
    for who in (LoginAttempt.account == account, LoginAttempt.address == address):
        if count_failures(session, who) >= FAILURES:
            raise LoginLimitError


def count_failures(session: Session, who: ColumnElement[bool]) -> int:
    """Failed logins in the last five minutes."""
    recent = LoginAttempt.attempted_at > func.now() - WINDOW
    return session.execute(select(func.count()).select_from(LoginAttempt).where(who, recent)).scalar_one()


def record_failure(session: Session, *, account: str, address: str) -> None:
    """Count one failed login, and forget those of yesterday."""
    session.execute(delete(LoginAttempt).where(LoginAttempt.attempted_at < func.now() - KEPT_FOR))
    session.add(LoginAttempt(account=account, address=address))
    session.flush()
