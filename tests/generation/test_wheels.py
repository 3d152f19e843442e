"""Wheels as carriers of models and texts: used as they should be, or not at all."""

from pathlib import Path

import pytest

from generation.wheels import WheelUnavailableError, download_wheel
from tests.wheels import Index, use_index, wheel_of


def test_the_wheel_that_it_should_be_is_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = wheel_of(tmp_path / "one", {"a.txt": b"a"})
    use_index(monkeypatch, Index(tmp_path / "one"))

    wheel = download_wheel("package==1.0", sha256, tmp_path)

    assert wheel.parent == tmp_path
    assert wheel.read_bytes() == (tmp_path / "one").read_bytes()


def test_other_bytes_than_expected_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel_of(tmp_path / "one", {"a.txt": b"a"})
    use_index(monkeypatch, Index(tmp_path / "one"))

    with pytest.raises(WheelUnavailableError, match=r"package-1\.0-py3-none-any\.whl is not the file it should be"):
        download_wheel("package==1.0", "0" * 64, tmp_path)


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [("WARNING: slow\nERROR: No matching distribution found", "ERROR: No matching"), ("", "pip gave no reason")],
)
def test_a_package_that_is_not_to_be_had_says_what_pip_said_last(
    stderr: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_index(monkeypatch, Index(None, stderr))

    with pytest.raises(WheelUnavailableError, match=rf"package==1.0 could not be downloaded: {reason}"):
        download_wheel("package==1.0", "0" * 64, tmp_path)
