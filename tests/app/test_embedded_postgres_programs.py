"""How PostgreSQL's programs and their processes are found, here and where there is no /proc."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from app.embedded_postgres import EmbeddedPostgresError
from app.embedded_postgres_programs import Account, binaries, is_child_of_a_server, processes_in, run

ME = Account(os.geteuid(), os.getegid())


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without /proc, with no programs but those that are put into this folder."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str, prints: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\nprintf '{prints}'\nexit 1\n")
    (folder / name).chmod(0o755)


def test_without_proc_the_processes_of_a_cluster_are_asked_of_lsof(programs: Path) -> None:
    put(programs, "lsof", "p12\\nfcwd\\nn/data/other\\np34\\nfcwd\\nn/data/mine\\np56\\nfcwd\\nn/data/mine too\\n")

    assert processes_in(Path("/data/mine"), ME) == {34}


@pytest.mark.parametrize(("line", "is_child"), [("postgres: checkpointer", True), ("postgres -D /data", False)])
def test_without_proc_the_name_of_a_process_is_asked_of_ps(line: str, is_child: bool, programs: Path) -> None:
    put(programs, "ps", line)

    assert is_child_of_a_server(12) is is_child


def test_a_program_that_is_missing_is_named(programs: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=f"cannot run lsof as user id {ME.uid}"):
        processes_in(Path("/data/mine"), ME)
    with (programs / "cluster").open("w") as kept, pytest.raises(EmbeddedPostgresError, match="cannot run initdb as"):
        run(ME, programs / "initdb", cluster=programs, keep=kept.fileno())


def test_a_program_that_fails_is_quoted(programs: Path) -> None:
    put(programs, "initdb", "no space left")

    with (
        (programs / "cluster").open("w") as kept,
        pytest.raises(EmbeddedPostgresError, match="initdb failed with exit code 1: no space left"),
    ):
        run(ME, programs / "initdb", cluster=programs, keep=kept.fileno())


def test_a_process_that_has_just_ended_is_no_child_of_a_server() -> None:
    assert not is_child_of_a_server(2**22 + 1)  # one more than the largest process id


@pytest.mark.parametrize("package", [None, "an empty one"])
def test_a_machine_without_postgresql_is_told_what_to_install(
    package: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.spec_from_file_location("it", tmp_path / "it.py", submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: found if package else None)

    with pytest.raises(EmbeddedPostgresError, match="no PostgreSQL 18 is installed: install"):
        binaries()
