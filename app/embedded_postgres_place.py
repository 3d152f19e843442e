"""Where an embedded database lives, and the locks that keep two starters apart.

PostgreSQL refuses to run as root, and the account that runs it instead cannot enter root's private directories: hence
two layouts. A person's cluster is `DATA_DIR/postgres/cluster`; root's is `/var/lib/toprank/HASH/cluster`, with a
pointer in the data directory. The password is in the data directory in both.
"""

import fcntl
import hashlib
import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.embedded_postgres_programs import Account, EmbeddedPostgresError
from app.settings import write_private

ROOT_CLUSTERS = Path("/var/lib/toprank")
SERVICE_ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class Place:
    """The files of one embedded database."""

    data_dir: Path
    home: Path
    account: Account
    belongs_to_root: bool

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.home / "cluster"

    @property
    def pid_file(self) -> Path:
        """Written by the server: its process id first, its state in the eighth line."""
        return self.cluster / "postmaster.pid"

    @property
    def access_rules(self) -> Path:
        """The pg_hba.conf, outside the cluster so that the service account cannot change root's."""
        return self.home / "pg_hba.conf"

    @property
    def lock_file(self) -> Path:
        """Held by whoever starts the server, then by the server itself until its last process is gone."""
        return self.home.with_name(f"{self.home.name}.lock")

    @property
    def password_file(self) -> Path:
        """Only the owner of the data directory can read it."""
        return self.data_dir / "postgres" / "password"

    @property
    def pointer(self) -> Path:
        """In a data directory of root's: names the home under /var/lib."""
        return self.data_dir / "postgres" / "place"

    @property
    def is_claimed(self) -> bool:
        """Whether the home is this data directory's, not what a deleted one of the same name left behind."""
        return not self.belongs_to_root or self.pointer.exists()

    def password(self) -> str:
        """The generated password. Raises EmbeddedPostgresError when there is none to read."""
        try:
            return self.password_file.read_text().strip()
        except FileNotFoundError:
            if self.is_claimed and self.cluster.exists():
                message = f"the password file {self.password_file} is missing: put it back from a backup"
            else:
                message = f"there is no database in {self.data_dir} yet: start it first, with `toprank db start`"
            raise EmbeddedPostgresError(message) from None

    def socket_dir(self) -> Path:
        """Where the server listens: a short path, since a socket's may not be longer than about 100 bytes.

        A person's is named by a hash of the password: nobody can guess it and make it first, and the server of a
        deleted data directory does not take its successor's socket along when it notices and ends.
        """
        if self.belongs_to_root:
            return self.home / "socket"
        return Path("/tmp") / f"toprank-{_short_hash(self.password())}"  # noqa: S108 - unguessable, and checked


def find_place(data_dir: Path) -> Place:
    """Tell where the database of a data directory is, or would be; creates nothing.

    Raises EmbeddedPostgresError when it belongs to another account.
    """
    data_dir = data_dir.expanduser().resolve()
    home, pointer = data_dir / "postgres", data_dir / "postgres" / "place"
    me = Account(os.geteuid(), os.getegid())
    try:
        owner = _owner(home / "cluster")
        root_home = Path(pointer.read_text().strip()) if pointer.exists() else None
    except PermissionError:
        raise EmbeddedPostgresError(_foreign(data_dir)) from None
    if me.uid != 0 and (root_home is not None or (owner is not None and owner.uid != me.uid)):
        raise EmbeddedPostgresError(_foreign(data_dir))
    if owner is not None or me.uid != 0:
        return Place(data_dir, home, owner or me, belongs_to_root=False)
    home = root_home or ROOT_CLUSTERS.resolve() / _short_hash(str(data_dir))
    return Place(data_dir, home, _owner(home / "cluster") or _service_account(), belongs_to_root=True)


def claim(place: Place) -> None:
    """As root, make the home and the pointer to it; what a deleted data directory left there is set aside.

    Call it only while holding `claim_lock`, and with no server running in a home that is not claimed.
    """
    if not place.belongs_to_root:
        return
    if place.pointer.exists():
        _refuse_a_copy(place)
        return
    if place.cluster.exists():
        place.home.rename(tempfile.mkdtemp(prefix=f"{place.home.name}.aside-", dir=place.home.parent))
    for directory in (place.home.parent, place.home):
        if not directory.exists():
            directory.mkdir(parents=True)
            directory.chmod(0o755)  # whatever the umask: the account has to get through
    (place.home / "data_dir").write_text(str(place.data_dir))
    write_private(place.pointer, str(place.home))


@contextmanager
def claim_lock(place: Place) -> Iterator[None]:
    """Only one process at a time decides where the cluster of a data directory goes; makes the directory."""
    directory = place.pointer.parent
    try:
        place.data_dir.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise EmbeddedPostgresError(f"cannot keep a database in {place.data_dir}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def server_lock(place: Place) -> Iterator[int | None]:
    """The descriptor of the lock, to be inherited by the server; None while somebody else holds it."""
    descriptor = os.open(place.lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if not place.belongs_to_root:
            place.account.own(place.lock_file)
        yield descriptor if _try_lock(descriptor, place.lock_file) else None
    finally:
        # Closed, not unlocked: unlocking would take the lock from the server that inherited it.
        os.close(descriptor)


def prepare_socket_dir(place: Place) -> Path:
    """Make the directory of the socket, closed to everybody but the account (and root).

    Raises EmbeddedPostgresError when something else stands there.
    """
    directory = place.socket_dir()
    try:
        directory.mkdir(mode=0o700)
        place.account.own(directory)
    except FileExistsError:
        pass  # of an earlier start; looked at below
    check_socket_dir(place)
    return directory


def check_socket_dir(place: Place) -> None:
    """Refuse to speak through a directory that others could have put there. Raises EmbeddedPostgresError."""
    directory = place.socket_dir()
    try:
        found = directory.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != place.account.uid or found.st_mode & 0o077:
        raise EmbeddedPostgresError(f"{directory} is not a private directory of ours: look at it and remove it")


def _owner(path: Path) -> Account | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Account(found.st_uid, found.st_gid)


def _service_account() -> Account:
    for name in SERVICE_ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_uid, found.pw_gid)
    raise EmbeddedPostgresError(
        "as root, an account named postgres or nobody has to run PostgreSQL, and there is neither: "
        "run toprank as another user, or set DATABASE_URL"
    )


def _refuse_a_copy(place: Place) -> None:
    note = place.home / "data_dir"
    original = Path(note.read_text()) if note.exists() else place.data_dir
    if original == place.data_dir:
        return
    if (original / "postgres" / "place").exists():
        raise EmbeddedPostgresError(
            f"{place.data_dir} is a copy of {original}, and both would share one database: "
            "copy a database with `toprank db backup` and `toprank db restore`"
        )
    note.write_text(str(place.data_dir))  # it was moved


def _try_lock(descriptor: int, file: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A lock on a file that has been removed since keeps nobody out.
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _short_hash(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]


def _foreign(data_dir: Path) -> str:
    return f"the database in {data_dir} belongs to another account: run toprank as that one, or use another --data-dir"
