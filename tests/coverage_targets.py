"""Hold what tests reach, folder by folder, against the targets of pyproject.toml; what they miss is listed.

`make coverage` runs the tests and then this, on the JSON report of coverage.py.
"""

import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePath
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass
class Folder:
    """What tests reach of the files of one folder, in counts, and the places that they do not reach."""

    name: str
    target: float
    statements: int = 0
    reached_statements: int = 0
    branches: int = 0
    reached_branches: int = 0
    missing: list[str] = field(default_factory=list)

    @property
    def statement_share(self) -> float:
        """In [0, 100]; 100 where there is nothing to reach."""
        return _percent(self.reached_statements, self.statements)

    @property
    def branch_share(self) -> float:
        """In [0, 100]; 100 where there is nothing to reach."""
        return _percent(self.reached_branches, self.branches)

    @property
    def is_below(self) -> bool:
        """Whether statements or branches miss the target."""
        return min(self.statement_share, self.branch_share) < self.target

    def add(self, path: str, measured: Mapping[str, Any]) -> None:
        """Count one more file in."""
        summary = measured["summary"]
        self.statements += summary["num_statements"]
        self.reached_statements += summary["covered_lines"]
        self.branches += summary["num_branches"]
        self.reached_branches += summary["covered_branches"]
        if places := missing_places(measured["missing_lines"], measured["missing_branches"]):
            self.missing.append(f"{path}: {', '.join(places)}")


def _percent(reached: int, total: int) -> float:
    return 100 * reached / total if total else 100.0


def missing_places(lines: Sequence[int], branches: Sequence[Sequence[int]]) -> list[str]:
    """Runs of missing lines, and the branches missing from lines that were reached; a negative line is a way out.

    >>> missing_places([3, 4, 9], [[1, 3], [3, 4], [12, -10]])
    ['1->3', '3-4', '9', '12->out']
    """
    places: list[tuple[int, str]] = []
    for _, run in groupby(enumerate(sorted(lines)), key=lambda numbered: numbered[1] - numbered[0]):
        numbers = [line for _, line in run]
        places.append((numbers[0], str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"))
    places += [
        (source, f"{source}->{target if target > 0 else 'out'}") for source, target in branches if source not in lines
    ]
    return [place for _, place in sorted(places)]


def by_folder(report: Mapping[str, Any], targets: Mapping[str, Any]) -> list[Folder]:
    """The folders of a report by name, each with the target of the nearest folder that has one."""
    folders: dict[str, Folder] = {}
    for path, measured in sorted(report["files"].items()):
        name = PurePath(path).parent.as_posix()
        folder = folders.setdefault(name, Folder(name, target_of(name, targets)))
        folder.add(PurePath(path).as_posix(), measured)
    return sorted(folders.values(), key=lambda folder: folder.name)


def target_of(name: str, targets: Mapping[str, Any]) -> float:
    """Percent that tests must reach of a folder: its own target, that of the folder around it, or that of all others.

    >>> target_of("app/auth/keys", {"default": 95, "folders": {"app/auth": 100}})
    100
    """
    own: Mapping[str, float] = targets["folders"]
    named = [folder for folder in (name, *map(str, PurePath(name).parents)) if folder in own]
    return own[named[0]] if named else targets["default"]


def without_files(folders: Sequence[Folder], targets: Mapping[str, Any]) -> list[str]:
    """Folders that have a target and nothing to measure: a name that is gone."""
    measured = {folder.name for folder in folders}
    return [name for name in targets["folders"] if name not in measured]


def table(folders: Sequence[Folder]) -> str:
    """A line for each folder, and below it what tests miss there."""
    lines = [f"{'folder':<28} {'statements':>10} {'branches':>10} {'target':>7}"]
    for folder in folders:
        shares = f"{_floor(folder.statement_share):>10} {_floor(folder.branch_share):>10} {folder.target:>7g}"
        lines.append(f"{folder.name:<28} {shares}{'  BELOW' if folder.is_below else ''}")
        lines += [f"    {places}" for places in folder.missing]
    return "\n".join(lines)


def _floor(share: float) -> str:
    """One decimal, never rounded up: 100.0 means all."""
    return f"{int(share * 10) / 10:.1f}"


def main(arguments: Sequence[str]) -> int:
    """Print the table of a report; the exit code says whether every folder has its target."""
    (report,) = arguments
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["toprank"]["coverage"]
    folders = by_folder(json.loads(Path(report).read_text()), targets)
    print(table(folders))
    gone = without_files(folders, targets)
    for name in gone:
        print(f"pyproject.toml has a target for {name}, where nothing was measured.")
    below = [folder.name for folder in folders if folder.is_below]
    if below:
        print(f"Below their target: {', '.join(below)}.")
    return 1 if below or gone else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
