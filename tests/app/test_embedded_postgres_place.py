"""Whose database a data directory has, and what is refused because somebody else could have put it there."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.embedded_postgres import EmbeddedPostgresError
from app.embedded_postgres_place import Place, check_socket_dir, find_place, prepare_socket_dir, write_private
from app.embedded_postgres_programs import Account


@pytest.fixture
def place(data_dir: Path) -> Iterator[Place]:
    """A person's, with a password and a socket directory."""
    home = data_dir / "postgres"
    home.mkdir(parents=True)
    place = Place(data_dir, home, Account(os.geteuid(), os.getegid()), belongs_to_root=False)
    write_private(place.password_file, f"of {data_dir}")
    yield place
    place.socket_dir().rmdir()


def test_a_socket_directory_that_others_can_enter_is_refused(place: Place) -> None:
    assert prepare_socket_dir(place) == prepare_socket_dir(place)
    check_socket_dir(place)
    place.socket_dir().chmod(0o755)

    with pytest.raises(EmbeddedPostgresError, match="is not a private directory of ours: look at it and remove it"):
        prepare_socket_dir(place)


def test_a_socket_directory_that_is_not_there_yet_is_nobodys(place: Place) -> None:
    check_socket_dir(place)

    prepare_socket_dir(place)


def test_another_accounts_database_is_not_touched(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_socket_dir(place)
    place.cluster.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: place.account.uid + 1)

    with pytest.raises(EmbeddedPostgresError, match="belongs to another account: run toprank as that one"):
        find_place(place.data_dir)


def test_root_needs_an_account_to_run_it_by(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", {}.__getitem__)

    with pytest.raises(EmbeddedPostgresError, match="an account named postgres or nobody has to run PostgreSQL"):
        find_place(data_dir)
