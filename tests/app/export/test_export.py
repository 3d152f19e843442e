"""The export: every judgement once for each system behind it, blind to nothing, safe to open."""

import csv
import io
import json
from typing import get_args

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.annotation import verdicts
from app.annotation.claims import claim
from app.export.query import COLUMNS, TEXT_COLUMNS
from app.export.streaming import Format, stream_export
from app.models import Person, Study
from app.models.annotation import SkipReason, VerdictShown
from tests.app.conftest import Browser
from tests.factories import (
    make_candidacy,
    make_comparison,
    make_continuation,
    make_dataset,
    make_passage,
    make_person,
    make_pool,
    make_study,
    make_system,
)

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x"]


def read_csv(session: Session, study: Study, *, texts: bool = False) -> list[dict[str, str]]:
    content = b"".join(stream_export(session, study, texts=texts)).decode()
    return list(csv.DictReader(io.StringIO(content)))


def judge(session: Session, study: Study, annotator: Person, verdict: VerdictShown = VerdictShown.FIRST) -> None:
    held = claim(session, study, annotator.id)
    assert held.shown is not None
    verdicts.record_verdict(session, annotator.id, held.shown, verdicts.Answer(verdict, 5))


def test_the_columns_are_the_contract(session: Session) -> None:
    study = make_pool(session)
    content = b"".join(stream_export(session, study)).decode()
    assert content == ",".join(COLUMNS) + "\n"
    with_texts = b"".join(stream_export(session, study, texts=True)).decode()
    assert with_texts == ",".join(COLUMNS + TEXT_COLUMNS) + "\n"


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


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_spreadsheet_runs_nothing(session: Session, formula: str) -> None:
    study = make_study(session)
    passage = make_passage(session, make_dataset(session, study), context=formula)
    comparison = make_comparison(session, passage, candidate_text=formula, reference_text=formula + "r")
    make_candidacy(session, make_continuation(session, make_system(session, study, name=formula), passage), comparison)
    judge(session, study, make_person(session))

    (row,) = read_csv(session, study, texts=True)

    for column in ("system", "context", "candidate_text", "reference_text"):
        assert row[column].startswith("'")
        assert row[column][1:].startswith(formula)
    # programs that read JSON run no formulas, and get the text as it is
    line = json.loads(b"".join(stream_export(session, study, file_format="jsonl", texts=True)))
    assert line["candidate_text"] == formula


def test_every_text_survives(session: Session) -> None:
    nasty = 'a "quoted", line\nand \\n backslash, \u2028, é, \U0001f600, \x01 and \x02'
    study = make_study(session)
    passage = make_passage(session, make_dataset(session, study), context=nasty)
    make_comparison(session, passage, candidate_text=nasty)
    judge(session, study, make_person(session))
    assert read_csv(session, study, texts=True)[0]["candidate_text"] == nasty
    lines = b"".join(stream_export(session, study, file_format="jsonl", texts=True)).splitlines()
    assert json.loads(lines[0])["context"] == nasty
    assert get_args(Format) == ("csv", "jsonl")


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


def test_the_download_is_a_file_of_the_studys_name(engine: Engine, researcher: Browser) -> None:
    with Session(engine) as session:
        study = make_pool(session, slug="poems")
        judge(session, study, make_person(session))
        session.commit()
    answer = researcher.get("/studies/poems/export.csv?texts=1")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="poems.csv"'
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == 1
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM annotation")).scalar_one() == 1
