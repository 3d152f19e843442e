"""/api/v1/studies/{slug}/results: what the page shows, to programs, and not before the page would."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from app.analysis.measuring import mark_measuring
from app.models.person import Role, TokenScope
from app.models.study import StudyState
from app.models.system import GenerationState
from tests.app.api.conftest import Program
from tests.app.api.test_problems import problem_of
from tests.app.conftest import Browser
from tests.factories import make_pool
from tests.judging import judge


def test_a_closed_study_s_results_are_what_the_archive_holds(db: Session, researcher_program: Program) -> None:
    make_pool(db, slug="closed", state=StudyState.CLOSED, systems=2)
    db.commit()
    answer = researcher_program.ask("GET", "/studies/closed/results")
    assert answer.status_code == 200
    values = answer.json()
    assert (values["study"], values["final"], values["look"]) == ("closed", False, None)
    assert [one["scenario"] for one in values["systems"]] == [128, 128, 256, 256]
    assert values["systems"][0]["signature"].startswith("preference at 128|")
    assert values["systems"][0]["datasets"][0]["original_ttr"] == pytest.approx(1.0)
    assert values["exhibits"]["table-1"]["rows"][0]["n"] == 0
    assert values["exhibits"]["table-1"]["reported"][0]["reported"] is True
    assert values["exhibits"]["table-2"]["missing"].startswith("Nothing is measured yet")


def test_an_open_study_s_results_need_a_look_which_is_taken_once_for_a_key(
    db: Session, researcher_program: Program
) -> None:
    make_pool(db, slug="open")
    db.commit()
    refused = researcher_program.ask("GET", "/studies/open/results")
    assert "take a look" in str(problem_of(refused, 403)["detail"])
    looks = [researcher_program.ask("POST", "/studies/open/looks", key="mine") for _ in range(2)]
    assert [(one.status_code, one.json()["number"]) for one in looks] == [(201, 1), (201, 1)]
    assert researcher_program.ask("GET", "/studies/open/results").json()["look"] == 1


def test_the_choice_of_annotators_and_text_is_checked(db: Session, researcher_program: Program) -> None:
    make_pool(db, slug="closed", state=StudyState.CLOSED)
    db.commit()
    chosen = researcher_program.ask("GET", "/studies/closed/results?withdrawn=without").json()
    assert chosen["withdrawn_annotators"] == "without"
    for query, status in (("withdrawn=maybe", 422), (f"passage={2**63}", 422), ("passage=999999", 404)):
        problem_of(researcher_program.ask("GET", f"/studies/closed/results?{query}"), status)


@pytest.mark.parametrize(("slug", "status"), [("nowhere", 404), ("%00", 422), ("No%20Name", 422), ("x" * 64, 422)])
def test_a_study_that_is_not_there_is_a_problem(researcher_program: Program, slug: str, status: int) -> None:
    problem_of(researcher_program.ask("GET", f"/studies/{slug}/results"), status)
    problem_of(researcher_program.ask("POST", f"/studies/{slug}/looks"), status)


def test_a_token_that_only_reads_takes_no_look(db: Session, program: Callable[..., Program]) -> None:
    make_pool(db, slug="open")
    db.commit()
    reader = program(Role.RESEARCHER, TokenScope.READ)
    problem_of(reader.ask("POST", "/studies/open/looks"), 403)


def test_tables_and_figures_come_as_the_page_s_files(
    db: Session, researcher_program: Program, researcher: Browser
) -> None:
    make_pool(db, slug="closed", state=StudyState.CLOSED)
    db.commit()
    for name in ("table-1.csv", "table-1.tex", "figure-9-right.svg?plain=true&theme=dark"):
        asked = researcher_program.ask("GET", f"/studies/closed/results/{name}")
        shown = researcher.get(f"/studies/closed/results/{name}")
        assert (asked.status_code, asked.headers["content-type"]) == (200, shown.headers["content-type"])
    assert researcher_program.ask("GET", "/studies/closed/results/table-1.csv").text.startswith("system,")
    archive = researcher_program.ask("GET", "/studies/closed/results.zip")
    assert archive.content == researcher.get("/studies/closed/results.zip").content
    problem_of(researcher_program.ask("GET", "/studies/closed/results/table-99.csv"), 404)
    problem_of(researcher_program.ask("GET", "/studies/closed/results/table-1.exe"), 422)


def test_files_and_texts_need_a_look_too(db: Session, researcher_program: Program) -> None:
    make_pool(db, slug="open")
    db.commit()
    for path in ("results.zip", "results/table-1.csv", "texts"):
        problem_of(researcher_program.ask("GET", f"/studies/open/{path}"), 403)


def test_texts_come_in_pages_with_what_was_said_of_them(db: Session, researcher_program: Program) -> None:
    study = make_pool(db, slug="poems", passages=2)
    judge(db, study)
    study.state = StudyState.CLOSED
    db.commit()
    first = researcher_program.ask("GET", "/studies/poems/texts?limit=1").json()
    (one,) = first["entries"]
    assert (one["candidate"] + one["equal"] + one["reference"], one["consensus"], one["overlap"]) == (1, None, 0)
    (other,) = researcher_program.ask("GET", first["next"].removeprefix("/api/v1")).json()["entries"]
    assert other["id"] > one["id"]
    chosen = researcher_program.ask("GET", f"/studies/poems/texts?passage={other['passage_id']}").json()
    assert chosen == {"entries": [other], "next": None}
    assert researcher_program.ask("GET", "/studies/poems/texts?system=none").json()["entries"] == []
    problem_of(researcher_program.ask("GET", "/studies/poems/texts?page=2"), 422)


def test_how_far_the_measuring_is_can_be_asked(db: Session, researcher_program: Program) -> None:
    study = make_pool(db, slug="poems")
    db.commit()
    nothing = {"state": None, "done": 0, "total": 0, "reason": None, "outdated": 1}
    assert researcher_program.ask("GET", "/studies/poems/measurements").json() == nothing
    mark_measuring(db, study.id, GenerationState.FAILED, done=0, total=1, reason="No memory.")
    db.commit()
    failed = {"state": "failed", "done": 0, "total": 1, "reason": "No memory.", "outdated": 1}
    assert researcher_program.ask("GET", "/studies/poems/measurements").json() == failed
