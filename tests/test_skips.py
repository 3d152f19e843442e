"""What happens in CI to a test that is left out."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import skips
from tests.skips import ALLOWED, NOT_ROOT, refuse_skips

HOOKS = """
from tests.conftest import pytest_make_collect_report, pytest_runtest_makereport
"""


def skipped(reason: str) -> Any:
    return SimpleNamespace(skipped=True, longrepr=("test.py", 3, f"Skipped: {reason}"), outcome="skipped")


def test_a_reason_that_is_allowed_and_holds_is_none_of_cis_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skips, "is_root", lambda: False)
    report = skipped(NOT_ROOT)

    refuse_skips(report)

    assert report.outcome == "skipped"


def test_a_reason_that_does_not_hold_here_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skips, "is_root", lambda: True)
    report = skipped(NOT_ROOT)

    refuse_skips(report)

    assert (report.outcome, report.longrepr) == (
        "failed",
        "This test was left out because 'needs root', which is not so here.",
    )


def test_every_allowed_reason_can_be_asked_for() -> None:
    assert {type(holds()) for holds in ALLOWED.values()} == {bool}


def test_a_test_that_ran_is_left_as_it_is() -> None:
    report: Any = SimpleNamespace(skipped=False, outcome="passed")

    refuse_skips(report)

    assert report.outcome == "passed"


ASIDE = """
import pytest

@pytest.mark.skip(reason="tired")
def test_marked(): ...

def test_in_its_course(): pytest.skip("tired")

@pytest.mark.xfail(reason="tired")
def test_expected_to_fail(): assert False
"""
FILE_ASIDE = "import pytest\npytest.skip('tired', allow_module_level=True)\n"


@pytest.mark.parametrize(("ci", "outcome"), [("true", "2 failed, 2 errors"), ("", "3 skipped, 1 xfailed")])
def test_any_other_reason_fails_in_ci_and_nowhere_else(ci: str, outcome: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(HOOKS)
    (tmp_path / "test_some.py").write_text(ASIDE)
    (tmp_path / "test_file.py").write_text(FILE_ASIDE)
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--continue-on-collection-errors", tmp_path]

    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"CI": ci})

    assert done.stdout.splitlines()[-1].startswith(outcome), done.stdout
    assert ("In CI no test is left out because 'tired'" in done.stdout) is (ci == "true")
