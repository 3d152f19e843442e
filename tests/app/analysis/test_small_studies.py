"""Studies with too little for a paper: every table has a defined value or none, never a wrong number."""

import json

import pytest
from sqlalchemy.orm import Session

from app.analysis.archive import results_files, results_values
from app.analysis.evidence import Evidence
from app.analysis.registry import Findings, findings
from app.annotation.claims import claim
from app.annotation.verdicts import Answer, record_verdict
from app.models import Study
from app.models.annotation import VerdictShown
from app.models.study import StudyState
from tests.app.conftest import Browser
from tests.factories import make_person, make_pool


def judged(session: Session, *, annotators: int, verdict: VerdictShown, limit: int = 99, **pool: object) -> Study:
    study = make_pool(session, slug="small", **pool)
    for _ in range(annotators):
        annotator = make_person(session)
        for _ in range(limit):
            shown = claim(session, study, annotator.id).shown
            if shown is None:
                break
            record_verdict(session, annotator.id, shown, Answer(verdict))
    study.state = StudyState.CLOSED
    session.commit()
    return study


def row_of(found: Findings, key: str) -> dict[str, object]:
    """The first row at 256 tokens, the scenario that is judged here."""
    exhibit = found.find(key)
    rows = [dict(zip((column.key for column in exhibit.columns), row, strict=True)) for row in exhibit.rows]
    return next(row for row in rows if str(row["scenario"]) == "256")


def as_json(found: Findings) -> str:
    """The values as a program reads them; NaN and infinity are no JSON."""
    return json.dumps(results_values(found), allow_nan=False)


def test_all_ties_of_one_annotator_on_one_system(db: Session, researcher: Browser) -> None:
    study = judged(db, annotators=1, verdict=VerdictShown.EQUAL, quota=1)
    found = findings(Evidence(db, study))
    row = row_of(found, "table-1")
    # every verdict is equal: preferred or equal always, and so would it be at parity
    assert (row["preference_ratio"], row["parity_line"], row["ties_as_half"]) == (1.0, 1.0, 0.5)
    low, high = row["interval"]
    assert 0 < low < high == 1.0
    assert row["new_annotators"] is None
    agreement = row_of(found, "agreement")
    # one annotation of each comparison agrees with nobody, and no verdict names a side
    assert [agreement[key] for key in ("raw", "alpha_nominal", "kappa", "first_share")] == [None] * 4
    assert found.find("comparisons").missing == "No two systems have been judged on the same passage yet."
    as_json(found)
    assert researcher.get("/studies/small/results").status_code == 200


def test_all_ties_of_three_annotators_agree_beyond_any_chance_that_alpha_could_measure(db: Session) -> None:
    found = findings(Evidence(db, judged(db, annotators=3, verdict=VerdictShown.EQUAL, quota=3)))
    agreement = row_of(found, "agreement")
    assert agreement["raw"] == 1.0
    # where all say the same, no disagreement is expected by chance, and alpha and kappa are 0 / 0
    assert (agreement["alpha_nominal"], agreement["kappa"]) == (None, None)
    as_json(found)


@pytest.mark.parametrize("systems", [1, 2])
def test_a_single_annotation_gives_no_picture_of_more_than_it_is(db: Session, systems: int) -> None:
    study = judged(db, annotators=1, verdict=VerdictShown.FIRST, limit=1, passages=1, systems=systems)
    found = findings(Evidence(db, study))
    as_json(found)
    assert "1 of 3 annotations, interval " in found.find("table-1").title
    (low, high), n = max((row[3], row[10]) for row in found.find("table-1").rows if row[3] is not None)
    assert n == 1
    assert high - low > 0.5
    assert len(dict(results_files(found))) > 10


def test_nothing_at_all_is_written_down_as_nothing(db: Session) -> None:
    study = judged(db, annotators=0, verdict=VerdictShown.EQUAL, passages=1)
    found = findings(Evidence(db, study))
    row = row_of(found, "table-1")
    assert (row["preference_ratio"], row["interval"], row["parity_line"], row["n"]) == (None, None, None, 0)
    assert "Too early for a ratio: 0 of 3 annotations" in found.find("table-1").title
    as_json(found)
