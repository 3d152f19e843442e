"""Scoring is queued once for each checkpoint of a study that has passages to read."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.scoring_queue import (
    count_scored,
    queue_scoring,
    queue_scoring_by,
    scoring_lock,
    set_scoring,
    unscored_passages,
)
from app.models import Scoring
from app.models.passage import PassageState
from app.models.system import GenerationState
from app.queue import GENERATE, SCORE, defer, is_queued, waiting_jobs
from tests.factories import make_checkpoint, make_dataset, make_passage, make_score, make_study, make_system


def test_only_judged_passages_without_a_score_are_missing(session: Session) -> None:
    study, checkpoint = make_study(session), make_checkpoint(session)
    dataset = make_dataset(session, study)
    done, missing = make_passage(session, dataset), make_passage(session, dataset)
    make_passage(session, dataset, state=PassageState.PENDING)
    make_passage(session, dataset, unjudged=True)
    make_score(session, checkpoint, done)

    assert unscored_passages(session, study.id, checkpoint.id) == [missing]
    assert count_scored(session, study.id, checkpoint.id) == (1, 2)


def test_systems_of_one_checkpoint_share_its_job(session: Session) -> None:
    study, shared = make_study(session), make_checkpoint(session)
    make_passage(session, make_dataset(session, study))
    make_system(session, study, checkpoint_id=shared.id)
    make_system(session, study, checkpoint_id=shared.id)
    other = make_checkpoint(session)
    make_system(session, study, checkpoint_id=other.id)

    assert queue_scoring(session, study) == [shared, other]
    assert queue_scoring(session, study) == []

    assert is_queued(session, scoring_lock(study.id, shared.id))
    kept = session.get_one(Scoring, (study.id, shared.id))
    assert (kept.state, kept.reason) == (GenerationState.QUEUED, None)


def test_scoring_waits_until_everything_is_generated(session: Session) -> None:
    study = make_study(session)
    make_passage(session, make_dataset(session, study))
    make_system(session, study)
    queue_scoring(session, study)
    defer(session, GENERATE, lock="generate:1", system_id=1)

    assert [task for _, task, _ in waiting_jobs(session)] == [GENERATE, SCORE]


def test_a_checkpoint_with_nothing_missing_is_left_alone(session: Session) -> None:
    study = make_study(session)
    system = make_system(session, study)

    assert not queue_scoring_by(session, study.id, system.checkpoint_id)
    assert session.get(Scoring, (study.id, system.checkpoint_id)) is None


@pytest.mark.parametrize(("status", "is_queued_again"), [("doing", False), ("failed", True)])
def test_a_running_one_is_queued_again_only_when_its_job_is_gone(
    session: Session, status: str, is_queued_again: bool
) -> None:
    study = make_study(session)
    make_passage(session, make_dataset(session, study))
    checkpoint_id = make_system(session, study).checkpoint_id
    queue_scoring(session, study)
    set_scoring(session, study.id, checkpoint_id, GenerationState.RUNNING)
    session.execute(text("SET LOCAL search_path TO procrastinate, public"))
    session.execute(text(f"UPDATE procrastinate_jobs SET status = '{status}'"))

    assert bool(queue_scoring(session, study)) is is_queued_again
