"""How many annotators a study needs, and where one of them must stop."""

import pytest
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.page import Standing, standing
from app.annotation.verdicts import Answer, record_verdict, skip
from app.domain.staffing import is_at_cap, slots_for_one, staffing
from app.models import Study
from app.models.annotation import SkipReason, VerdictShown
from tests.factories import make_person, make_pool, make_study


def judge(session: Session, study: Study, annotator_id: int) -> int:
    judged = 0
    while (shown := claim(session, study, annotator_id).shown) is not None:
        record_verdict(session, annotator_id, shown, Answer(VerdictShown.FIRST))
        judged += 1
    return judged


@pytest.mark.parametrize(
    ("columns", "strictly", "needed"),
    [
        # 2 systems x 2 scenarios x quota 3 = 12 judgements of each passage, each by somebody else
        ({}, 12, 12),
        ({"quota": 1}, 4, 4),
        # three meetings with each passage: 12 / 3 people, yet never fewer than the quota
        ({"max_exposures": 3}, 12, 4),
        ({"max_exposures": 9}, 12, 3),
        # 5 passages x 12 = 60 judgements, 5 % of them are 3: 20 people
        ({"max_share": 0.05}, 12, 20),
    ],
)
def test_the_exposure_rule_and_the_cap_say_how_many_people_it_takes(
    session: Session, columns: dict[str, float], strictly: int, needed: int
) -> None:
    study = make_pool(session, passages=5, systems=2, scenarios=(128, 256), **columns)
    found = staffing(session, study)
    assert (found.passages, found.comparisons_of_a_passage) == (5, 4)
    assert (found.strictly, found.needed) == (strictly, needed)


def test_a_study_without_texts_or_systems_needs_nobody(session: Session) -> None:
    assert (staffing(session, make_study(session)).strictly, staffing(session, make_study(session)).needed) == (0, 0)


def test_as_many_annotators_as_the_strict_rule_needs_finish_the_study_and_one_fewer_do_not(session: Session) -> None:
    study = make_pool(session, passages=4, systems=2, scenarios=(128, 256), quota=1)
    needed = staffing(session, study).needed
    people = [make_person(session) for _ in range(needed)]
    for person in people[:-1]:
        judge(session, study, person.id)
    assert standing(session, study, people[0].id) == Standing.EXHAUSTED
    judge(session, study, people[-1].id)
    assert standing(session, study, people[0].id) == Standing.COMPLETE


def test_an_annotator_fills_no_more_than_their_share(session: Session) -> None:
    study, annotator = make_pool(session, passages=20, quota=1, max_share=0.25), make_person(session)
    # a quarter of 20 slots
    assert judge(session, study, annotator.id) == 5
    assert is_at_cap(session, study, annotator.id)
    assert standing(session, study, annotator.id) == Standing.EXHAUSTED


def test_a_skip_leaves_room_under_the_cap(session: Session) -> None:
    study, annotator = make_pool(session, passages=20, quota=1, max_share=0.25), make_person(session)
    for _ in range(3):
        shown = claim(session, study, annotator.id).shown
        assert shown is not None
        skip(session, annotator.id, shown, SkipReason.OTHER)
    assert judge(session, study, annotator.id) == 5


def test_the_share_is_of_all_slots_and_one_at_least() -> None:
    assert slots_for_one(Study(max_share=0.1), 45) == 4
    assert slots_for_one(Study(max_share=0.1), 5) == 1
