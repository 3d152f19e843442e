"""Generation is queued once for each system that lacks something."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.generation_queue import (
    count_missing,
    generation_lock,
    incomplete_systems,
    missing_passages,
    queue_generation,
    retry_systems,
    stop_systems,
)
from app.errors import NotFoundError
from app.models.passage import PassageState
from app.models.system import GenerationState
from app.queue import is_queued, waiting_jobs
from tests.factories import make_continuation, make_dataset, make_passage, make_study, make_system


def test_only_accepted_passages_without_a_continuation_are_missing(session: Session) -> None:
    study = make_study(session)
    dataset = make_dataset(session, study)
    done, missing = make_passage(session, dataset), make_passage(session, dataset)
    make_passage(session, dataset, state=PassageState.PENDING)
    make_passage(session, dataset, state=PassageState.REJECTED)
    system, other = make_system(session, study), make_system(session, study)
    make_continuation(session, system, done)

    assert missing_passages(session, system) == [missing]
    assert missing_passages(session, other, limit=1) == [done]
    assert (count_missing(session, system), count_missing(session, other)) == (1, 2)


def test_systems_are_queued_in_the_order_they_were_added(session: Session) -> None:
    study = make_study(session)
    make_passage(session, make_dataset(session, study))
    first, second = make_system(session, study), make_system(session, study)

    assert queue_generation(session, study) == [first, second]

    assert first.state is GenerationState.QUEUED
    assert is_queued(session, generation_lock(first.id))


def test_systems_of_one_checkpoint_follow_each_other(session: Session) -> None:
    study = make_study(session)
    make_passage(session, make_dataset(session, study))
    first, other = make_system(session, study), make_system(session, study)
    alike = make_system(session, study, checkpoint_id=first.checkpoint_id)

    assert incomplete_systems(session, study) == [first, alike, other]
    assert queue_generation(session, study) == [first, alike, other]

    assert [args["system_id"] for _, _, args in waiting_jobs(session)] == [first.id, alike.id, other.id]


def test_a_waiting_system_is_not_queued_twice(session: Session) -> None:
    study = make_study(session)
    make_passage(session, make_dataset(session, study))
    make_system(session, study)
    queue_generation(session, study)

    assert queue_generation(session, study) == []


def test_a_system_with_nothing_missing_is_left_alone(session: Session) -> None:
    study = make_study(session)
    system = make_system(session, study)

    assert queue_generation(session, study) == []
    assert system.state is GenerationState.IDLE


def test_a_failed_system_can_be_queued_again(session: Session) -> None:
    study = make_study(session)
    make_passage(session, make_dataset(session, study))
    system = make_system(session, study, state=GenerationState.FAILED, reason="The checkpoint is gone.")

    assert queue_generation(session, study) == [system]
    assert (system.state, system.reason) == (GenerationState.QUEUED, None)


def test_a_running_system_is_queued_again_only_when_its_job_is_gone(session: Session) -> None:
    study = make_study(session)
    make_passage(session, make_dataset(session, study))
    system = make_system(session, study)
    queue_generation(session, study)
    system.state = GenerationState.RUNNING
    session.execute(text("SET LOCAL search_path TO procrastinate, public"))
    session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    assert queue_generation(session, study) == []

    session.execute(text("UPDATE procrastinate_jobs SET status = 'failed'"))
    assert queue_generation(session, study) == [system]


def test_what_people_judge_is_written_before_what_nobody_does(session: Session) -> None:
    study = make_study(session)
    dataset = make_dataset(session, study)
    unjudged, judged = make_passage(session, dataset, unjudged=True), make_passage(session, dataset)

    assert missing_passages(session, make_system(session, study)) == [judged, unjudged]


def test_a_paused_system_leaves_the_queue_and_stays_out_until_it_is_retried(session: Session) -> None:
    study = make_study(session)
    make_passage(session, make_dataset(session, study))
    paused, other = make_system(session, study, name="paused"), make_system(session, study)
    queue_generation(session, study)

    assert stop_systems(session, study, ["paused"], pause=True) == [paused]

    assert (paused.paused, paused.state) == (True, GenerationState.IDLE)
    assert not is_queued(session, generation_lock(paused.id))
    assert is_queued(session, generation_lock(other.id))
    assert queue_generation(session, study) == []
    assert paused not in incomplete_systems(session, study)

    assert retry_systems(session, study, ["paused"]) == [paused]
    assert (paused.paused, paused.state) == (False, GenerationState.QUEUED)


def test_a_cancelled_system_is_queued_again_with_the_others(session: Session) -> None:
    study = make_study(session)
    make_passage(session, make_dataset(session, study))
    system = make_system(session, study)
    queue_generation(session, study)

    stop_systems(session, study, pause=False)

    assert (system.state, is_queued(session, generation_lock(system.id))) == (GenerationState.IDLE, False)
    assert queue_generation(session, study) == [system]


def test_the_worker_of_a_running_system_is_told_to_stop(session: Session) -> None:
    study = make_study(session)
    make_passage(session, make_dataset(session, study))
    system = make_system(session, study)
    queue_generation(session, study)
    system.state = GenerationState.RUNNING
    session.flush()
    session.execute(text("SET LOCAL search_path TO procrastinate, public"))
    session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))

    stop_systems(session, study, pause=True)

    # its worker says when it has stopped
    assert system.state is GenerationState.RUNNING
    assert session.execute(text("SELECT abort_requested FROM procrastinate_jobs")).scalar_one()


def test_a_system_that_is_done_stays_so_when_it_is_cancelled(session: Session) -> None:
    study = make_study(session)
    system = make_system(session, study, state=GenerationState.DONE)

    stop_systems(session, study, pause=False)

    assert system.state is GenerationState.DONE


def test_an_unknown_system_is_answered_with_those_there_are(session: Session) -> None:
    study = make_study(session)
    make_system(session, study, name="greedy")

    with pytest.raises(NotFoundError, match=r"no system 'gredy' \(systems: greedy\)"):
        retry_systems(session, study, ["gredy"])
