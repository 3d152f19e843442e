"""Stopping rules: when each is reached, and which of them close a study."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.closing import close_what_is_to_stop, counted_annotations, has_reached_its_rule, rule_in_words
from app.domain.protocol import lock_protocol
from app.domain.studies import move_study
from app.errors import ConflictError
from app.models import AuditEntry, Study
from app.models.protocol import Stopping
from app.models.study import StudyState
from tests.factories import make_dataset, make_passage, make_pool, make_study, make_system
from tests.judging import judge

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def at_a_date(when: datetime) -> dict[str, object]:
    return {"stopping": Stopping.DATE, "stop_at": when}


def after(annotations: int) -> dict[str, object]:
    return {"stopping": Stopping.ANNOTATIONS, "stop_after": annotations}


def test_a_full_quota_is_reached_by_the_last_annotation_of_the_last_text(session: Session) -> None:
    study = make_pool(session, passages=3, scenarios=(128, 256), quota=1)
    assert not has_reached_its_rule(session, study)
    judge(session, study, people=2)
    assert has_reached_its_rule(session, study)
    system = make_system(session, study)
    session.flush()
    # three texts of the new system are not written
    assert not has_reached_its_rule(session, study)
    session.delete(system)
    session.flush()
    assert has_reached_its_rule(session, study)
    assert rule_in_words(study) == "when every comparison has its annotations"


def test_a_study_without_comparisons_has_no_full_quota(session: Session) -> None:
    assert not has_reached_its_rule(session, make_study(session))


def test_a_date_is_held_against_now_and_then_against_the_close(session: Session) -> None:
    study = make_study(session, **at_a_date(NOW - HOUR))
    assert has_reached_its_rule(session, study)
    study.closed_at = NOW - 2 * HOUR
    assert not has_reached_its_rule(session, study)
    assert not has_reached_its_rule(session, make_study(session, **at_a_date(NOW + HOUR)))
    noon = make_study(session, **at_a_date(datetime(2026, 12, 1, 12, tzinfo=UTC)))
    assert rule_in_words(noon) == "at 2026-12-01 12:00 UTC"


def test_a_number_is_of_the_annotations_that_count(session: Session) -> None:
    study = make_pool(session, passages=4, quota=1, **after(4))
    judge(session, study)
    assert (counted_annotations(session, study), has_reached_its_rule(session, study)) == (4, True)
    study.stop_after = 1800
    assert not has_reached_its_rule(session, study)
    assert rule_in_words(study) == "after 1,800 annotations"


def test_studies_close_at_their_date_or_number_and_the_log_names_the_rule(session: Session) -> None:
    due = make_pool(session, slug="due", **at_a_date(NOW - HOUR))
    paused = make_pool(session, slug="paused", state=StudyState.PAUSED, **at_a_date(NOW - HOUR))
    filled = make_pool(session, slug="filled", passages=2, quota=1, **after(2))
    lock_protocol(session, due)
    judge(session, filled)
    assert close_what_is_to_stop(session) == [due, paused, filled]
    assert {study.state for study in (due, paused, filled)} == {StudyState.CLOSED}
    assert all(study.closed_at for study in (due, paused, filled))
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "study.close").order_by(AuditEntry.id))
    first, _, last = entries
    assert (first.actor_id, first.subject_id) == (None, due.id)
    assert len(first.detail["protocol_sha256"]) == 64
    assert last.detail["rule"] == "after 2 annotations"
    assert close_what_is_to_stop(session) == []


def test_nothing_closes_early_or_by_its_quota(session: Session) -> None:
    full = make_pool(session, passages=2, quota=1)
    judge(session, full)
    assert has_reached_its_rule(session, full)
    waiting = [
        full,
        make_pool(session, **at_a_date(NOW + HOUR)),
        make_pool(session, **after(1)),
        make_study(session, state=StudyState.DRAFT, **at_a_date(NOW - HOUR)),
    ]
    assert close_what_is_to_stop(session) == []
    assert StudyState.CLOSED not in {study.state for study in waiting}


@pytest.mark.parametrize("state", [StudyState.DRAFT, StudyState.PAUSED])
def test_a_study_whose_date_has_passed_does_not_open(session: Session, state: StudyState) -> None:
    study: Study = make_study(session, slug="late", state=state, **at_a_date(datetime(2026, 1, 1, tzinfo=UTC)))
    make_passage(session, make_dataset(session, study))
    make_system(session, study)
    with pytest.raises(ConflictError, match="'late' was to stop at 2026-01-01 00:00 UTC, which has passed"):
        move_study(session, study, StudyState.OPEN)
