"""Every preference table of a study, recomputed from the exported CSV alone, by lines that share no code with ours."""

import csv
import io
from collections import Counter, defaultdict
from statistics import fmean

import pytest
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Exhibit
from app.analysis.registry import Findings, findings
from app.analysis.withdrawn import WithdrawnAnnotators
from app.export.streaming import stream_export
from app.models import Study

Rows = list[dict[str, str]]


@pytest.fixture
def exported(db: Session, golden: Study) -> Rows:
    return list(csv.DictReader(io.StringIO(b"".join(stream_export(db, golden)).decode())))


@pytest.fixture
def found(db: Session, golden: Study) -> Findings:
    return findings(Evidence(db, golden))


def column(exhibit: Exhibit, key: str) -> list[object]:
    (at,) = [number for number, one in enumerate(exhibit.columns) if one.key == key]
    return [row[at] for row in exhibit.rows]


def rows_by_name(exhibit: Exhibit) -> dict[tuple[object, ...], dict[str, object]]:
    keys = [one.key for one in exhibit.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in exhibit.rows]
    return {(row["system"], row["scenario"]): row for row in rows}


# The independent script: a dictionary of verdicts from the counted rows.


def verdicts(rows: Rows, statuses: tuple[str, ...] = ("counted",)) -> dict[tuple[str, str, str], Counter[str]]:
    cells: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row["status"] in statuses:
            cells[row["system"], row["scenario"], row["dataset"]][row["verdict"]] += 1
    return cells


def ratio(counts: Counter[str]) -> float:
    return (counts["candidate"] + counts["equal"]) / counts.total()


def test_the_golden_study_has_about_2000_annotations_and_every_kind_of_row(exported: Rows) -> None:
    annotations = {row["annotation_id"]: row["status"] for row in exported if row["annotation_id"]}
    statuses = Counter(annotations.values())
    assert 1_700 <= statuses["counted"] <= 2_000
    assert 1_900 <= len(annotations) <= 2_200
    assert all(statuses[one] for one in ("superseded", "surplus", "withdrawn"))
    assert any(row["status"] == "skipped" for row in exported)


def test_table_1_equals_the_export(found: Findings, exported: Rows) -> None:
    cells = verdicts(exported)
    table = rows_by_name(found.find("table-1"))
    names = {(system, scenario) for system, scenario, _ in cells}
    assert len(names) == 6
    for system, scenario in names:
        counts = {dataset: cell for (one, two, dataset), cell in cells.items() if (one, two) == (system, scenario)}
        row, total = table[system, int(scenario)], sum(counts.values(), Counter[str]())
        assert row["preference_ratio"] == pytest.approx(fmean(map(ratio, counts.values())), abs=1e-12)
        assert row["parity_line"] == pytest.approx(
            fmean((1 + one["equal"] / one.total()) / 2 for one in counts.values()), abs=1e-12
        )
        assert [row[side] for side in ("candidate", "equal", "reference", "n")] == [
            total["candidate"],
            total["equal"],
            total["reference"],
            total.total(),
        ]


def test_table_4_equals_the_export(found: Findings, exported: Rows) -> None:
    table = found.find("table-4")
    keys = [one.key for one in table.columns]
    cells = verdicts(exported)
    for values in table.rows:
        row = dict(zip(keys, values, strict=True))
        for dataset in ("wikipedia", "fiction", "speeches"):
            counts = cells[str(row["system"]), "256", dataset]
            assert row[dataset] == pytest.approx(ratio(counts), abs=1e-12)
            assert row[f"{dataset}_n"] == counts.total()


def test_withdrawn_annotations_count_only_when_asked_for(db: Session, golden: Study, exported: Rows) -> None:
    table = rows_by_name(findings(Evidence(db, golden, withdrawn=WithdrawnAnnotators.WITH)).find("table-1"))
    every = verdicts(exported, ("counted", "withdrawn"))
    for (system, scenario), row in table.items():
        if system != "original text":
            cells = [cell for (one, two, _), cell in every.items() if (one, two) == (system, str(scenario))]
            assert row["n"] == sum(cell.total() for cell in cells)
            assert row["preference_ratio"] == pytest.approx(fmean(map(ratio, cells)), abs=1e-12)
    assert sum(cell.total() for cell in every.values()) > sum(cell.total() for cell in verdicts(exported).values())


def test_ttr_of_table_1_equals_the_export(found: Findings, exported: Rows) -> None:
    # a recalled continuation has no rows in the export: the third system is left out
    table = rows_by_name(found.find("table-1"))
    for system in ("tiny, greedy", "tiny, nucleus"):
        for scenario in ("128", "256"):
            ttr = {
                (row["dataset"], row["passage_id"]): float(row["candidate_ttr"])
                for row in exported
                if (row["system"], row["scenario"]) == (system, scenario)
            }
            means = [
                fmean(one for (dataset, _), one in ttr.items() if dataset == name)
                for name in ("wikipedia", "fiction", "speeches")
            ]
            assert table[system, int(scenario)]["ttr"] == pytest.approx(fmean(means), abs=1e-9)


def test_robustness_equals_the_export(found: Findings, exported: Rows) -> None:
    table = rows_by_name(found.find("robustness"))
    for (system, scenario), row in table.items():
        mine = [one for one in exported if (one["system"], one["scenario"]) == (system, str(scenario))]
        counted = [one for one in mine if one["status"] == "counted"]
        strata = [
            ratio(Counter(one["verdict"] for one in counted if one["shown_first"] == first))
            for first in ("candidate", "reference")
        ]
        first = Counter(one["verdict"] for one in counted if one["passage_exposure"] == "1")
        skipped = sum(one["status"] == "skipped" for one in mine)
        surplus = sum(one["status"] == "surplus" for one in mine)
        assert row["order_strata"] == pytest.approx(fmean(strata), abs=1e-12)
        assert row["first_exposure"] == pytest.approx(ratio(first), abs=1e-12)
        assert row["skip_rate"] == pytest.approx(skipped / (len(counted) + surplus + skipped), abs=1e-12)
        assert row["surplus_rate"] == pytest.approx(surplus / (len(counted) + surplus), abs=1e-12)


def test_agreement_equals_the_export(found: Findings, exported: Rows) -> None:
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for row in exported:
        if row["status"] == "counted":
            said[row["comparison_id"]][row["annotator"]] = row["verdict"]
    shares = []
    for answers in said.values():
        given = list(answers.values())
        pairs = [(one, other) for at, one in enumerate(given) for other in given[:at]]
        shares.append(fmean(one == other for one, other in pairs))
    assert column(found.find("agreement"), "raw")[-1] == pytest.approx(fmean(shares), abs=1e-12)


def test_paired_differences_equal_the_export(found: Findings, exported: Rows) -> None:
    # systems share all passages but the recalled ones, so the first pair's difference is that of Table 1's ratios
    table = rows_by_name(found.find("table-1"))
    pairs = found.find("comparisons")
    differences = dict(
        zip(
            zip(column(pairs, "first"), column(pairs, "second"), column(pairs, "scenario"), strict=True),
            column(pairs, "difference"),
            strict=True,
        )
    )
    for scenario in (128, 256):
        one, other = (table[name, scenario]["preference_ratio"] for name in ("tiny, nucleus", "tiny, greedy"))
        expected = float(one) - float(other)  # type: ignore[arg-type]
        assert differences["tiny, nucleus", "tiny, greedy", scenario] == pytest.approx(expected, abs=1e-12)
