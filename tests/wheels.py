"""A pip that downloads from no index: what it is told to fetch is written here."""

import hashlib
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from generation import wheels


def wheel_of(file: Path, members: Mapping[str, bytes]) -> str:
    """Writes a wheel with these files in it, and returns its SHA-256."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return hashlib.sha256(file.read_bytes()).hexdigest()


class Index:
    """What pip finds, the same for every package: a wheel, or nothing and a reason; `asked` counts downloads."""

    def __init__(self, wheel: Path | None, stderr: str = "") -> None:
        self.wheel, self.stderr, self.asked = wheel, stderr, 0

    def download(self, command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        """In place of subprocess.run."""
        self.asked += 1
        if self.wheel is not None:
            folder = Path(command[command.index("--dest") + 1])
            (folder / "package-1.0-py3-none-any.whl").write_bytes(self.wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0 if self.wheel else 1, stderr=self.stderr)


def use_index(monkeypatch: pytest.MonkeyPatch, index: Index) -> None:
    """From now on pip asks this index."""
    monkeypatch.setattr(wheels.subprocess, "run", index.download)
