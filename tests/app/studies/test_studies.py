"""/studies: the list and a study's progress."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import System
from app.models.system import GenerationState
from tests.app.conftest import Browser
from tests.factories import make_dataset, make_passage, make_pool, make_study, make_system


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


def state_of(engine: object) -> tuple[GenerationState, bool]:
    with Session(engine) as session:  # type: ignore[arg-type]
        system = session.scalars(select(System)).one()
        return system.state, system.paused


def test_writing_is_queued_paused_and_cancelled_on_the_page(researcher: Browser, engine: object) -> None:
    with Session(engine) as session:  # type: ignore[arg-type]
        study = make_study(session, slug="one")
        make_system(session, study, name="slow one")
        make_passage(session, make_dataset(session, study))
        session.commit()
    assert "Write what is missing" in researcher.get("/studies/one").text

    done = researcher.submit("/studies/one/generation/retry", system="slow one")

    assert (done.status_code, done.headers["location"]) == (303, "/studies/one")
    assert state_of(engine) == (GenerationState.QUEUED, False)
    assert "Pause writing by slow one" in researcher.get("/studies/one").text

    researcher.submit("/studies/one/generation/pause", system="slow one")

    assert state_of(engine) == (GenerationState.IDLE, True)
    assert ">paused<" in researcher.get("/studies/one").text

    researcher.submit("/studies/one/generation/retry", system="slow one")
    researcher.submit("/studies/one/generation/cancel", system="slow one")

    assert state_of(engine) == (GenerationState.IDLE, False)


def test_an_unknown_system_or_deed_is_refused(researcher: Browser, engine: object) -> None:
    with Session(engine) as session:  # type: ignore[arg-type]
        make_study(session, slug="one")
        session.commit()
    assert researcher.submit("/studies/one/generation/pause", system="nobody").status_code == 404
    assert researcher.submit("/studies/one/generation/explode", system="nobody").status_code == 422
