"""/studies: the list and a study's progress."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.scoring_queue import scoring_lock, set_scoring
from app.models import System
from app.models.checkpoint import CheckpointState
from app.models.system import GenerationState
from app.queue import is_queued, waiting_jobs
from tests.app.conftest import Browser
from tests.factories import (
    make_checkpoint,
    make_continuation,
    make_dataset,
    make_passage,
    make_pool,
    make_study,
    make_system,
)


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
    with Session(engine) as session:  # type: ignore[arg-type]
        ((_, _, arguments),) = waiting_jobs(session)
    assert arguments["engine"] == "auto"  # so that a worker with a GPU takes vLLM
    assert "Pause writing by slow one" in researcher.get("/studies/one").text

    researcher.submit("/studies/one/generation/pause", system="slow one")

    assert state_of(engine) == (GenerationState.IDLE, True)
    assert ">paused<" in researcher.get("/studies/one").text

    researcher.submit("/studies/one/generation/retry", system="slow one")
    researcher.submit("/studies/one/generation/cancel", system="slow one")

    assert state_of(engine) == (GenerationState.IDLE, False)


def test_everything_that_is_missing_is_queued_at_once_but_for_what_is_paused(
    researcher: Browser, engine: object
) -> None:
    with Session(engine) as session:  # type: ignore[arg-type]
        study = make_study(session, slug="one")
        for name, paused in (("fast", False), ("slow", True)):
            make_system(session, study, name=name, paused=paused)
        make_passage(session, make_dataset(session, study))
        session.commit()
    assert "Write everything that is missing" in researcher.get("/studies/one").text

    assert researcher.submit("/studies/one/generation/queue").status_code == 303

    with Session(engine) as session:  # type: ignore[arg-type]
        states = list(session.scalars(select(System.state).order_by(System.name)))
    assert states == [GenerationState.QUEUED, GenerationState.IDLE]
    assert "Write everything that is missing" not in researcher.get("/studies/one").text


def test_a_scoring_that_failed_says_why_and_is_queued_again_on_the_page(researcher: Browser, engine: object) -> None:
    with Session(engine) as session:  # type: ignore[arg-type]
        study, checkpoint = make_study(session, slug="one"), make_checkpoint(session, name="small one")
        make_system(session, study, checkpoint_id=checkpoint.id)
        make_passage(session, make_dataset(session, study))
        set_scoring(session, study.id, checkpoint.id, GenerationState.FAILED, reason="It has <another> vocabulary.")
        lock = scoring_lock(study.id, checkpoint.id)
        session.commit()
    page = researcher.get("/studies/one").text
    assert "It has &lt;another&gt; vocabulary." in page
    assert "0 of 1 passages" in page

    done = researcher.submit("/studies/one/scoring")

    assert (done.status_code, done.headers["location"]) == (303, "/studies/one")
    with Session(engine) as session:  # type: ignore[arg-type]
        assert is_queued(session, lock, statuses=("todo",))
    assert "vocabulary" not in researcher.get("/studies/one").text


def test_continuations_that_nobody_judges_are_counted_on_the_page(researcher: Browser, engine: object) -> None:
    with Session(engine) as session:  # type: ignore[arg-type]
        study = make_study(session, slug="one")
        system, dataset = make_system(session, study), make_dataset(session, study)
        for unjudged in (True, True, False):
            make_continuation(session, system, make_passage(session, dataset, unjudged=unjudged))
        session.commit()

    assert "3 of 3 continuations, 2 of them for automatic metrics alone" in researcher.get("/studies/one").text


def test_a_system_whose_checkpoint_is_being_trained_leads_there_instead(researcher: Browser, engine: object) -> None:
    with Session(engine) as session:  # type: ignore[arg-type]
        study, trained = make_study(session, slug="one"), make_checkpoint(session, state=CheckpointState.TRAINING)
        make_system(session, study, checkpoint_id=trained.id)
        make_passage(session, make_dataset(session, study))
        where = f"/checkpoints/{trained.id}/hyperfitting"
        session.commit()

    page = researcher.get("/studies/one").text

    assert "waiting for its checkpoint" in page
    assert f'href="{where}"' in page
    assert "Write what is missing" not in page


def test_an_unknown_system_or_deed_is_refused(researcher: Browser, engine: object) -> None:
    with Session(engine) as session:  # type: ignore[arg-type]
        make_study(session, slug="one")
        session.commit()
    assert researcher.submit("/studies/one/generation/pause", system="nobody").status_code == 404
    assert researcher.submit("/studies/one/generation/explode", system="nobody").status_code == 422
