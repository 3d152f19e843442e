"""The checker behind `make coverage`: which target a folder has, what counts as below it, and what it says."""

import doctest
import json
from pathlib import Path
from typing import Any

import pytest

from tests import coverage_targets
from tests.coverage_targets import by_folder, main, missing_places, target_of, without_files

TARGETS = {"default": 95, "folders": {"app/auth": 100}}


def measured(*, statements: tuple[int, int], branches: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """One file as coverage.py reports it: how many were reached, of how many."""
    summary = {
        "covered_lines": statements[0],
        "num_statements": statements[1],
        "covered_branches": branches[0],
        "num_branches": branches[1],
    }
    return {"summary": summary, "missing_lines": [], "missing_branches": []}


def test_a_folder_sums_its_own_files_and_not_those_of_folders_in_it() -> None:
    report = {
        "files": {
            "app/main.py": measured(statements=(8, 10)),
            "app/db.py": measured(statements=(10, 10), branches=(1, 4)),
            "app/api/jobs.py": measured(statements=(5, 5)),
        }
    }

    app, api = by_folder(report, TARGETS)

    assert (app.name, app.statement_share, app.branch_share) == ("app", 90.0, 25.0)
    assert (api.name, api.statement_share, api.branch_share) == ("app/api", 100.0, 100.0)


@pytest.mark.parametrize(
    ("folder", "target"),
    [("app/auth", 100), ("app/auth/keys", 100), ("app/authors", 95), ("app", 95), ("worker", 95)],
)
def test_a_folder_has_its_own_target_or_that_of_the_folder_around_it(folder: str, target: int) -> None:
    assert target_of(folder, TARGETS) == target


@pytest.mark.parametrize(
    ("statements", "branches", "is_below"),
    [
        ((95, 100), (95, 100), False),
        ((100, 100), (94, 100), True),
        ((94, 100), (100, 100), True),  # what is never called has no branches either
        ((0, 0), (0, 0), False),
    ],
)
def test_statements_and_branches_both_have_to_reach_the_target(
    statements: tuple[int, int], branches: tuple[int, int], is_below: bool
) -> None:
    (folder,) = by_folder({"files": {"cli/db.py": measured(statements=statements, branches=branches)}}, TARGETS)

    assert folder.is_below is is_below


def test_places_are_runs_of_lines_and_branches_of_lines_that_were_reached() -> None:
    # 20-22 were never reached, so that their branches say nothing more; -1 is the way out of a function
    assert missing_places([20, 21, 22, 30], [[10, 20], [21, 22], [25, -1]]) == ["10->20", "20-22", "25->out", "30"]


def test_a_target_for_a_folder_that_is_gone_is_an_error() -> None:
    folders = by_folder({"files": {"app/db.py": measured(statements=(1, 1))}}, TARGETS)

    assert without_files(folders, TARGETS) == ["app/auth"]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A report in which every folder with a target of its own is reached in full."""
    own = ("app/annotation", "app/auth", "app/checkpoints", "app/export", "metrics")
    path = tmp_path / "report.json"
    files = {f"{folder}/all.py": measured(statements=(9, 9)) for folder in own}
    path.write_text(json.dumps({"files": files}))
    return path


def test_all_is_well_when_every_folder_has_its_target(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(report)]) == 0

    assert "app/auth                          100.0      100.0     100\n" in capsys.readouterr().out


def test_one_missing_statement_of_many_fails_where_all_are_asked_for(
    report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = json.loads(report.read_text())
    files["files"]["app/auth/all.py"] = measured(statements=(9_999, 10_000)) | {"missing_lines": [7]}
    report.write_text(json.dumps(files))

    assert main([str(report)]) == 1

    said = capsys.readouterr().out
    assert "app/auth                           99.9      100.0     100  BELOW\n    app/auth/all.py: 7\n" in said
    assert said.endswith("Below their target: app/auth.\n")


def test_a_report_without_a_folder_that_has_a_target_fails(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = json.loads(report.read_text())
    del files["files"]["metrics/all.py"]
    report.write_text(json.dumps(files))

    assert main([str(report)]) == 1
    assert "pyproject.toml has a target for metrics, where nothing was measured." in capsys.readouterr().out


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(coverage_targets).failed == 0
