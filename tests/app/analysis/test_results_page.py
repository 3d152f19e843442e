"""/studies/{slug}/results: what may be seen when, and everything that can be downloaded."""

import csv
import io
import json
import zipfile
from statistics import fmean

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.analysis.withdrawn import WithdrawnAnnotators
from app.models import Annotation, Review, Study
from app.models.review import Decision
from app.models.study import StudyState
from tests.app.conftest import Browser
from tests.factories import make_pool, make_study


@pytest.fixture
def opened(db: Session, golden: Study) -> Study:
    """The golden study, as if it were still open."""
    golden.state = StudyState.OPEN
    db.commit()
    return golden


def test_a_closed_study_shows_every_table_and_its_checks(researcher: Browser, golden: Study) -> None:
    page = researcher.get("/studies/golden/results")
    assert page.status_code == 200
    for key in ("table-1", "table-4", "comparisons", "agreement", "robustness"):
        assert f'id="{key}"' in page.text
    assert "every comparison has all its annotations" in page.text
    assert "Final: the study is closed" in page.text


def test_before_the_close_a_page_shows_progress_and_checks_but_no_system(researcher: Browser, opened: Study) -> None:
    page = researcher.get("/studies/golden/results").text
    assert "Take a look" in page
    assert "tiny, greedy" not in page
    for address in ("results/table-1.csv", "results/table-1.svg", "results.zip", "texts", "texts/1"):
        assert researcher.get(f"/studies/{opened.slug}/{address}").status_code == 403


def test_a_look_is_numbered_named_and_printed_on_everything_after_it(researcher: Browser, opened: Study) -> None:
    assert researcher.submit("/studies/golden/looks").status_code == 303
    assert researcher.submit("/studies/golden/looks").status_code == 303
    page = researcher.get("/studies/golden/results").text
    assert "looks before the close: 1 (" in page
    assert researcher.email in page
    assert "Not final" in page
    assert ", look 2\n" in researcher.get("/studies/golden/results/table-1.tex").text


def test_a_study_without_systems_says_so(researcher: Browser, db: Session) -> None:
    make_study(db, slug="empty", state=StudyState.CLOSED)
    db.commit()
    page = researcher.get("/studies/empty/results")
    assert page.status_code == 200
    assert "This study has no system yet." in page.text
    assert "Not final" in page.text


def test_a_study_without_annotations_gives_no_ratio(researcher: Browser, db: Session) -> None:
    make_pool(db, slug="fresh", state=StudyState.CLOSED, systems=2)
    db.commit()
    page = researcher.get("/studies/fresh/results")
    assert page.status_code == 200
    assert "Too early for a ratio: 0 of 24 annotations" in page.text
    assert "4 of" not in page.text or "lack annotations" in page.text


def test_csv_has_a_header_and_shares_between_0_and_1(researcher: Browser, golden: Study) -> None:
    answer = researcher.get("/studies/golden/results/table-1.csv")
    assert 'filename="golden-table-1.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 8
    assert all(0 <= float(row["preference_ratio"]) <= 1 for row in rows[:6])
    assert float(rows[0]["interval_low"]) < float(rows[0]["preference_ratio"]) < float(rows[0]["interval_high"])


def test_latex_is_booktabs_with_signature_protocol_and_look(researcher: Browser, golden: Study) -> None:
    tex = researcher.get("/studies/golden/results/table-1.tex").text
    assert r"\toprule" in tex
    assert "% protocol " in tex
    assert "no look taken" in tex
    assert "% preference at 256|" in tex


def test_the_archive_holds_every_table_in_every_format(researcher: Browser, golden: Study) -> None:
    answer = researcher.get("/studies/golden/results.zip")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    names = {name.removeprefix("golden-results/") for name in archive.namelist()}
    assert {"results.json", "README.txt", "table-1.csv", "table-1.tex", "robustness.csv"} <= names
    values = json.loads(archive.read("golden-results/results.json"))
    assert values["final"] is True
    assert len(values["protocol_sha256"]) == 64
    assert values["exhibits"]["table-1"]["rows"][0]["system"] == "tiny, greedy"
    assert [one["signature"].split("|")[0] for one in values["systems"][::3]] == [
        "preference at 128",
        "preference at 256",
    ]
    originals = [one["original_ttr"] for one in values["systems"][0]["datasets"]]
    assert fmean(originals) == pytest.approx(values["exhibits"]["table-1"]["rows"][-2]["ttr"])


@pytest.mark.parametrize("address", ["table-99.csv", "table-1.exe", "table-99.svg"])
def test_unknown_tables_and_formats_are_404(researcher: Browser, golden: Study, address: str) -> None:
    assert researcher.get(f"/studies/golden/results/{address}").status_code == 404


def test_a_new_annotation_shows_at_once(researcher: Browser, db: Session, golden: Study) -> None:
    before = researcher.get("/studies/golden/results/table-1.csv").text
    assert researcher.get("/studies/golden/results/table-1.csv").text == before
    db.execute(
        text("UPDATE annotation SET status = 'surplus', slot = NULL WHERE id = (SELECT max(id) FROM annotation)")
    )
    db.commit()
    assert researcher.get("/studies/golden/results/table-1.csv").text != before


def test_withdrawn_annotators_can_be_counted_in_and_left_out(researcher: Browser, db: Session, golden: Study) -> None:
    busiest = db.scalars(
        select(Annotation.annotator_id).group_by(Annotation.annotator_id).order_by(func.count().desc())
    )
    db.add(Review(study_id=golden.id, annotator_id=busiest.first(), decision=Decision.WITHDRAWN, reason="asked to"))
    db.commit()
    counts = {}
    for choice in WithdrawnAnnotators:
        rows = csv.DictReader(
            io.StringIO(researcher.get(f"/studies/golden/results/table-1.csv?withdrawn={choice}").text)
        )
        counts[choice] = sum(int(row["n"]) for row in rows if row["n"])
        assert f"withdrawn={choice}" in researcher.get("/studies/golden/results").text
    # the golden study keeps answers of people who withdrew earlier as `withdrawn`, which only *with* counts
    assert counts["without"] < counts["protocol"] < counts["with"]
