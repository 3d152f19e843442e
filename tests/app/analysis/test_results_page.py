"""/studies/{slug}/results: what may be seen when, and everything that can be downloaded."""

import csv
import io
import json
import re
import zipfile
from statistics import fmean

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.analysis.live import live_findings
from app.analysis.registry import BUILDERS
from app.analysis.withdrawn import WithdrawnAnnotators
from app.domain.studies import find_study
from app.models import Annotation, Passage, Review, Study
from app.models.review import Decision
from app.models.study import StudyState
from app.paging import LARGEST_ID
from tests.app.analysis.test_exhibits import score_everything
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
    assert "Diversity and overlap" not in page.text
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


def test_what_has_nothing_to_show_yet_stands_in_one_list(researcher: Browser, db: Session) -> None:
    make_pool(db, slug="fresh", state=StudyState.CLOSED)
    db.commit()
    page = researcher.get("/studies/fresh/results").text
    waiting = page[page.index('id="waiting"') :]
    for key in ("comparisons", "table-2", "figure-3", "figure-4", "agreement", "robustness"):
        assert f'<span id="{key}">' in waiting
    assert page.count('class="card exhibit"') + waiting.count("<span id=") == len(BUILDERS)
    assert "Table 3</span>; <span" in waiting  # what waits for the same stands together
    assert "<code>toprank score</code>" in waiting


@pytest.fixture
def scored(db: Session, golden: Study) -> list[int]:
    """The golden study's first five passages, of which four are scored."""
    score_everything(db)
    return list(db.scalars(select(Passage.id).order_by(Passage.id).limit(5)))


def test_figure_4_is_of_the_chosen_text_on_page_and_in_files(researcher: Browser, scored: list[int]) -> None:
    chosen = scored[2]
    page = researcher.get(f"/studies/golden/results?passage={chosen}").text
    assert f"The text is passage {chosen} (wikipedia)" in page
    (address,) = re.findall(r'<img src="([^"]+figure-4.svg[^"]+)"', page)
    assert address.endswith(f"passage={chosen}")
    assert f"passage={chosen}" not in re.findall(r'<img src="([^"]+table-1.svg[^"]+)"', page)[0]
    answers = [
        researcher.get(f"/studies/golden/results/figure-4.svg?passage={one}") for one in (scored[0], chosen, scored[0])
    ]
    assert [f"passage {chosen} (" in answer.text for answer in answers] == [False, True, False]
    assert answers[0].headers["etag"] != answers[1].headers["etag"]
    archive = researcher.get(f"/studies/golden/results.zip?passage={chosen}")
    read_me = zipfile.ZipFile(io.BytesIO(archive.content)).read("golden-results/README.txt").decode()
    assert f"The text is passage {chosen} (wikipedia)." in read_me
    assert (
        f'href="/studies/golden/results?passage={chosen}#figure-4"'
        in researcher.get(f"/studies/golden/texts/{chosen}").text
    )


def test_a_text_that_no_checkpoint_has_read_says_so(researcher: Browser, scored: list[int]) -> None:
    page = researcher.get(f"/studies/golden/results?passage={scored[4]}").text
    assert f"No checkpoint has read passage {scored[4]} yet" in page
    assert researcher.get(f"/studies/golden/results/figure-4.svg?passage={scored[4]}").status_code == 404


def test_many_choices_keep_what_everybody_sees(researcher: Browser, scored: list[int], db: Session) -> None:
    _, before = live_findings(db, find_study(db, "golden"), withdrawn=WithdrawnAnnotators.BY_PROTOCOL)
    for _ in range(3):
        for one in scored:
            live_findings(db, find_study(db, "golden"), withdrawn=WithdrawnAnnotators.BY_PROTOCOL, passage=one)
    _, after = live_findings(db, find_study(db, "golden"), withdrawn=WithdrawnAnnotators.BY_PROTOCOL)
    assert after is before


@pytest.mark.parametrize(
    ("passage", "status"), [(LARGEST_ID, 404), (LARGEST_ID + 1, 422), (2**63, 422), (0, 422), ("x", 422), (10**30, 422)]
)
def test_a_passage_that_cannot_be_is_refused(researcher: Browser, golden: Study, passage: object, status: int) -> None:
    assert researcher.get(f"/studies/golden/results?passage={passage}").status_code == status
    assert researcher.get(f"/studies/golden/results/figure-4.csv?passage={passage}").status_code == status
    assert researcher.get(f"/studies/golden/texts/{passage}").status_code == status


def test_another_study_s_passage_is_not_found(researcher: Browser, db: Session, golden: Study) -> None:
    other = make_pool(db, slug="other", state=StudyState.CLOSED)
    db.commit()
    foreign = db.scalars(select(Passage.id).where(Passage.study_id == other.id)).first()
    assert researcher.get(f"/studies/golden/results?passage={foreign}").status_code == 404
