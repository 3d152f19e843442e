"""/api/v1/studies/{slug}/results: what the page shows, to programs, and not before the page would."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from app.models.person import Role, TokenScope
from app.models.study import StudyState
from tests.app.api.conftest import Program
from tests.app.api.test_problems import problem_of
from tests.factories import make_pool


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
