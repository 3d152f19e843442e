"""A setting or a database that cannot be used is one clear line, which repeats no secret."""

import sys

import pytest

from app import migrate
from cli.main import main


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("TOPRANK_GENERATION_BATCH", "many", "Input should be a valid integer"),
        ("TOPRANK_GENERATION_BATCH", "0", "Input should be greater than or equal to 1"),
        ("DATABASE_URL", "mysql://me:secret@host/x", "it has to be an address such as postgresql://"),
        ("TOPRANK_TRUSTED_PROXIES", "10.0.0.1, nginx", "'nginx' is neither an address"),
        ("TOPRANK_TRUSTED_PROXIES", "*", "'*' is neither an address"),
        ("TOPRANK_TRUSTED_PROXIES", "10.0.0.1/8", "'10.0.0.1/8' is neither an address"),
        ("DATABASE_URL", "secret", "it has to be an address such as postgresql://"),
    ],
)
def test_it_names_the_variable_and_what_is_wrong(
    variable: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(sys, "argv", ["toprank", "worker", "--plan"])

    with pytest.raises(SystemExit, match="1"):
        main()

    said = capsys.readouterr().err
    assert said.startswith(f"toprank: The environment variable {variable} cannot be used: ")
    assert reason in said
    assert said.count("\n") == 1
    assert "secret" not in said


def test_a_database_of_an_older_version_is_said_with_what_to_do(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate.downgrade(database_url, "0001")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr(sys, "argv", ["toprank", "study", "list"])

    with pytest.raises(SystemExit, match="1"):
        main()

    said = capsys.readouterr().err
    assert said.startswith("toprank: The database refused this: ")
    assert said.endswith("If it is older than this version: `toprank db migrate`.\n")
    assert said.count("\n") == 1


def test_a_package_that_is_not_installed_is_said_with_the_extra_that_has_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["toprank", "serve"])
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    with pytest.raises(SystemExit, match="1"):
        main()

    said = capsys.readouterr().err
    assert said.startswith("toprank: This needs the package uvicorn, which is not installed here: ")
    assert "toprank[web]" in said
    assert said.count("\n") == 1
