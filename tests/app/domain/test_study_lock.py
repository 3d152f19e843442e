"""Two who change a study at once: one waits for the other, and a locked protocol says what the study's settings are."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.domain.protocol import StoppingRule, departures, locked_protocol, set_contrasts, set_stopping, study_protocol
from app.domain.studies import find_study, move_study
from app.domain.study_settings import change_settings
from app.domain.systems import SystemPlan, add_system
from app.domain.taking_part import ConsentParts, change_consent
from app.domain.training import QualificationPlan, set_qualification
from app.errors import ConflictError
from app.models import ConsentForm, Study
from app.models.protocol import Stopping
from app.models.study import StudyState
from tests.factories import make_checkpoint, make_dataset, make_passage, make_study, make_system

Deed = Callable[[Session, Study], Any]
open_study = partial(move_study, state=StudyState.OPEN)


def contrast(session: Session, study: Study) -> None:
    set_contrasts(session, study, [("sharp", "base")])


def stop(session: Session, study: Study) -> None:
    set_stopping(session, study, StoppingRule(Stopping.ANNOTATIONS, after=100))


def another_system(session: Session, study: Study) -> None:
    add_system(session, study, SystemPlan("late", "known"))


def qualify(session: Session, study: Study) -> None:
    set_qualification(session, study, QualificationPlan(comparisons=2, pass_mark=1))


def new_seed(session: Session, study: Study) -> None:
    change_settings(session, study, {"seed": 7})


drafts_alone = pytest.mark.parametrize("change", [contrast, stop, another_system, qualify, new_seed])


@pytest.fixture
def tabs(engine: Engine) -> Iterator[tuple[Session, Session]]:
    """Two sessions that have both read the draft."""
    with Session(engine) as first, Session(engine) as second:
        study = make_study(first, slug="poems", state=StudyState.DRAFT)
        dataset = make_dataset(first, study)
        for _ in range(8):
            make_passage(first, dataset)
        for name in ("base", "sharp"):
            make_system(first, study, name=name)
        make_checkpoint(first, name="known")
        first.commit()
        for session in (first, second):
            assert find_study(session, "poems").state is StudyState.DRAFT
        yield first, second


def one_after_the_other(tabs: tuple[Session, Session], one: Deed, other: Deed) -> Future[None]:
    """What became of the second deed, which began before the first had ended and had to wait for it."""
    first, second = tabs
    one(first, find_study(first, "poems"))
    first.flush()

    def do_other() -> None:
        other(second, find_study(second, "poems"))
        second.commit()

    with ThreadPoolExecutor(1) as beside:
        done = beside.submit(do_other)
        with pytest.raises(TimeoutError):
            done.result(timeout=0.2)
        first.commit()
    return done


def check_protocol(session: Session) -> dict[str, Any]:
    """The locked protocol, which is what the study is like."""
    session.rollback()
    session.expire_all()
    study = find_study(session, "poems")
    locked = locked_protocol(session, study)
    assert locked is not None
    assert departures(locked, study_protocol(session, study)) == []
    return locked.content


@drafts_alone
def test_a_draft_that_opens_meanwhile_is_changed_no_more(tabs: tuple[Session, Session], change: Deed) -> None:
    with pytest.raises(ConflictError, match="is open"):
        one_after_the_other(tabs, open_study, change).result()
    check_protocol(tabs[0])


@drafts_alone
def test_opening_locks_what_was_changed_meanwhile(tabs: tuple[Session, Session], change: Deed) -> None:
    before = study_protocol(tabs[0], find_study(tabs[0], "poems"))
    one_after_the_other(tabs, change, open_study).result()
    locked = check_protocol(tabs[0])
    assert (locked == before) is (change is qualify)  # who may judge is no part of the protocol


def test_a_study_is_opened_once(tabs: tuple[Session, Session]) -> None:
    with pytest.raises(ConflictError, match="is open; it cannot become open"):
        one_after_the_other(tabs, open_study, open_study).result()
    check_protocol(tabs[0])


def test_two_consent_forms_are_two_versions(tabs: tuple[Session, Session]) -> None:
    def ask(session: Session, study: Study) -> None:
        change_consent(session, study, ConsentParts("To learn.", "None.", "lab@lab.example", "Exempt."))

    one_after_the_other(tabs, ask, ask).result()
    assert tabs[0].scalars(select(ConsentForm.version).order_by(ConsentForm.version)).all() == [1, 2]
