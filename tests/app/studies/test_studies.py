"""/studies: the list and a study's progress."""

from sqlalchemy.orm import Session

from app.models.system import GenerationState
from tests.app.conftest import Browser
from tests.factories import make_pool, make_study, make_system


def test_the_list_names_every_study(researcher: Browser, engine: object) -> None:
    with Session(engine) as session:  # type: ignore[arg-type]
        make_pool(session, slug="one", title="The <first> study")
        session.commit()
    page = researcher.get("/studies")
    assert "The &lt;first&gt; study" in page.text
    assert 'href="/studies/one"' in page.text


def test_before_the_first_study_the_page_says_how_to_make_one(researcher: Browser) -> None:
    assert "There is no study yet" in researcher.get("/studies").text


def test_a_study_shows_progress_and_htmx_gets_the_part_that_moves(researcher: Browser, engine: object) -> None:
    with Session(engine) as session:  # type: ignore[arg-type]
        study = make_study(session, slug="one")
        make_system(session, study, name="slow one", state=GenerationState.FAILED, reason="Needs more memory.")
        session.commit()
    page = researcher.get("/studies/one")
    assert "slow one" in page.text
    assert "Needs more memory." in page.text
    part = researcher.get("/studies/one", headers={"HX-Request": "true"}).text
    assert "Needs more memory." in part
    assert "<html" not in part
