"""Why a test may be left out. Where CI is set, it fails if it is left out for another reason, or one that is false."""

import os
import pwd
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from app import embedded_postgres, embedded_postgres_programs
from app.embedded_postgres_programs import Account

NO_PROC = "there is no /proc"
NO_PROXY = "nginx or openssl is not installed"
NO_SUBREAPERS = "only Linux has subreapers"
NOT_ROOT = "needs root"
CLOSED = "this checkout is closed to the account nobody"


def has_proc() -> bool:
    """Whether processes can be looked at as files."""
    return Path("/proc/self").exists()


def has_proxy() -> bool:
    """Whether there is what tests put before the web app."""
    return all(map(shutil.which, ("nginx", "openssl")))


def has_subreapers() -> bool:
    """Whether a process can be made the parent of orphans."""
    return sys.platform == "linux"


def is_root() -> bool:
    """Whether tests may take other accounts."""
    return os.geteuid() == 0


def is_closed() -> bool:
    """Whether nobody could start the database's programs from where they are installed."""
    nobody = pwd.getpwnam("nobody").pw_uid
    postgres = embedded_postgres.binaries() / "postgres"
    return is_root() and not embedded_postgres_programs._can_execute(postgres, Account(nobody, nobody))


ALLOWED: Mapping[str, Callable[[], bool]] = {
    NO_PROC: lambda: not has_proc(),
    NO_PROXY: lambda: not has_proxy(),
    NO_SUBREAPERS: lambda: not has_subreapers(),
    NOT_ROOT: lambda: not is_root(),
    CLOSED: is_closed,
}

needs_proc = pytest.mark.skipif(not has_proc(), reason=NO_PROC)
needs_proxy = pytest.mark.skipif(not has_proxy(), reason=NO_PROXY)
needs_subreapers = pytest.mark.skipif(not has_subreapers(), reason=NO_SUBREAPERS)


def refuse_skips(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a failure of a skip, or an expected failure, whose reason nobody has allowed or which is not so here."""
    if not report.skipped:
        return
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", "")
    reason = said.removeprefix("Skipped: ")
    if reason not in ALLOWED:
        fault = f"In CI no test is left out because {reason!r}; tests/skips.py has the reasons that are allowed."
    elif not ALLOWED[reason]():
        fault = f"This test was left out because {reason!r}, which is not so here."
    else:
        return
    report.outcome, report.longrepr = "failed", fault
