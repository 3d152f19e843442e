"""Every table of preferences, recomputed from the exported CSV alone, by a script that shares no code with ours."""

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from scipy import stats
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Exhibit
from app.analysis.registry import Findings, findings
from app.analysis.withdrawn import WithdrawnAnnotators
from app.export.streaming import Export, ExportOrder
from app.models import Study

SCRIPT = Path(__file__).with_name("recompute.py")
Rows = list[dict[str, str]]


@pytest.fixture
def export(db: Session, golden: Study) -> str:
    return b"".join(Export(golden, ExportOrder()).pieces(db)).decode()


@pytest.fixture
def found(db: Session, golden: Study) -> Findings:
    return findings(Evidence(db, golden))


def recompute(export: str, folder: Path) -> dict[str, Any]:
    """What the script says of the export, run apart from everything of ours."""
    file = folder / "export.csv"
    file.write_text(export)
    done = subprocess.run([sys.executable, "-I", SCRIPT, file], capture_output=True, text=True, check=True, cwd=folder)
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def rows_of(exhibit: Exhibit) -> list[dict[str, Any]]:
    keys = [one.key for one in exhibit.columns]
    return [dict(zip(keys, row, strict=True)) for row in exhibit.rows]


def by_system(exhibit: Exhibit) -> dict[str, dict[str, Any]]:
    rows = rows_of(exhibit)
    return {f"{row['system']}/{row['scenario']}": row for row in rows if row["system"] != "original text"}


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether each of their numbers is ours."""
    return all(ours[key] == pytest.approx(value, abs=1e-10) for key, value in theirs.items())


def test_the_golden_study_has_about_2000_annotations_and_every_kind_of_row(export: str) -> None:
    exported = list(csv.DictReader(io.StringIO(export)))
    annotations = {row["annotation_id"]: row["status"] for row in exported if row["annotation_id"]}
    statuses = Counter(annotations.values())
    assert 1_700 <= statuses["counted"] <= 2_000
    assert 1_900 <= len(annotations) <= 2_200
    assert all(statuses[one] for one in ("superseded", "surplus", "withdrawn"))
    assert any(row["status"] == "skipped" for row in exported)


def test_every_table_of_preferences_equals_the_export(found: Findings, export: str, tmp_path: Path) -> None:
    theirs = recompute(export, tmp_path)
    _check_table_1(found, theirs["table_1"])
    for row in rows_of(found.find("table-4")):
        for dataset, (ratio, n) in theirs["table_4"][row["system"]].items():
            assert (row[dataset], row[f"{dataset}_n"]) == (pytest.approx(ratio, abs=1e-12), n)
    robust = by_system(found.find("robustness"))
    assert robust.keys() == theirs["robustness"].keys()
    assert all(same(robust[name], values) for name, values in theirs["robustness"].items())
    agreed = {row["scenario"]: row for row in rows_of(found.find("agreement"))}
    assert agreed.keys() == theirs["agreement"].keys() == {"128", "256", "both"}
    assert all(same(agreed[name], values) for name, values in theirs["agreement"].items())
    groups = {row["consensus"]: row for row in rows_of(found.find("figure-9-left"))}
    # the export has no row of a recalled text, and no consensus either
    assert groups.keys() == theirs["figure_9_left"].keys()
    assert all(same(groups[name], values) for name, values in theirs["figure_9_left"].items())


def _check_table_1(found: Findings, theirs: dict[str, dict[str, Any]]) -> None:
    ours = by_system(found.find("table-1"))
    assert ours.keys() == theirs.keys()
    assert len(ours) == 6
    for name, values in theirs.items():
        row = ours[name]
        ttr, error, freedom = (values.pop(key) for key in ("ttr", "standard_error", "freedom"))
        assert same(row, values)
        assert row["interval_method"] == "cluster t"
        reach = stats.t.ppf(0.975, freedom) * error
        ratio = values["preference_ratio"]
        assert row["interval"] == pytest.approx((ratio - reach, ratio + reach), abs=1e-10)
        # a recalled continuation has a TTR, but no row in the export
        if not name.startswith("tiny, hyperfitted"):
            assert row["ttr"] == pytest.approx(fmean(ttr.values()), abs=1e-9)


def test_paired_comparisons_equal_the_export(found: Findings, export: str, tmp_path: Path) -> None:
    theirs = {
        (one, other, int(scenario)): rest for one, other, scenario, *rest in recompute(export, tmp_path)["comparisons"]
    }
    ours = {(row["first"], row["second"], row["scenario"]): row for row in rows_of(found.find("comparisons"))}
    assert ours.keys() == theirs.keys()
    for pair, (difference, p, passages, adjusted) in theirs.items():
        expected = {"difference": difference, "p": p, "passages": passages, "holm_p": adjusted}
        assert same(ours[pair], expected)


def test_withdrawn_annotations_count_only_when_asked_for(
    db: Session, golden: Study, found: Findings, export: str, tmp_path: Path
) -> None:
    ours = by_system(findings(Evidence(db, golden, withdrawn=WithdrawnAnnotators.WITH)).find("table-1"))
    theirs = recompute(export.replace(",withdrawn,", ",counted,"), tmp_path)["table_1"]
    for name, values in theirs.items():
        assert same(ours[name], {key: values[key] for key in ("n", "preference_ratio", "candidate", "equal")})
    plain = by_system(found.find("table-1"))
    assert sum(row["n"] for row in ours.values()) > sum(row["n"] for row in plain.values())
