"""Many annotators doing anything in any order: whatever happens, the tables agree and nothing is over quota."""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.leases import expire_leases
from app.annotation.order import candidate_is_first
from app.annotation.verdicts import Answer, record_verdict, resolve, revise_verdict, skip
from app.domain.reviews import is_out
from app.domain.withdrawals import withdraw
from app.errors import ConflictError
from app.models import Annotation, Assignment, Comparison, Person, Study
from app.models.annotation import SkipReason, VerdictShown
from app.models.comparison import Kind
from tests.app.annotation.reading import let_leases_run_out
from tests.factories import make_gold, make_person, make_pool


class Walk:
    """Random deeds of a handful of annotators in one small study."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session, self.chance = session, random.Random(seed)
        self.study: Study = make_pool(
            session,
            passages=12,
            systems=2,
            quota=2,
            gold_share=0.1,
            repeat_share=0.15,
            exposure_gap=2,
            max_exposures=2,
            secret=bytes([seed]),
        )
        for _ in range(3):
            make_gold(session, self.study)
        self.people: list[Person] = [make_person(session) for _ in range(6)]

    def step(self) -> None:
        """One deed; answering is the most frequent."""
        deeds: list[Callable[[Person], None]] = [self.answer] * 8 + [self.answer_late] * 4
        deeds += [self.skip, self.revise, self.expire]
        self.chance.choice(deeds)(self.chance.choice(self.people))

    def _claims(self, person: Person, *states: str) -> list[Assignment]:
        given = select(Assignment).where(Assignment.annotator_id == person.id, Assignment.state.in_(states))
        return list(self.session.scalars(given.order_by(Assignment.id).execution_options(populate_existing=True)))

    def answer(self, person: Person) -> None:
        held = claim(self.session, self.study, person.id)
        if held.shown is not None:
            record_verdict(self.session, person.id, held.shown, self._verdict())

    def answer_late(self, person: Person) -> None:
        lapsed = self._claims(person, "expired")
        if lapsed:
            record_verdict(self.session, person.id, self.chance.choice(lapsed).claim, self._verdict())

    def skip(self, person: Person) -> None:
        held = claim(self.session, self.study, person.id)
        if held.shown is not None:
            skip(self.session, person.id, held.shown, SkipReason.OTHER)

    def revise(self, person: Person) -> None:
        answered = self._claims(person, "answered")
        if answered:
            with suppress(ConflictError):  # not the last one: nothing changes
                revise_verdict(self.session, person.id, self.chance.choice(answered[-2:]).claim, self._verdict())

    def expire(self, person: Person) -> None:
        claim(self.session, self.study, person.id)
        let_leases_run_out(self.session)
        expire_leases(self.session, self.study.id)

    def _verdict(self) -> Answer:
        return Answer(self.chance.choice(list(VerdictShown)))

    def check(self) -> None:
        """What must hold at any moment."""
        session = self.session
        taken = Counter(session.scalars(select(Assignment.comparison_id).where(Assignment.slot.is_not(None))))
        counted = Counter(session.scalars(select(Annotation.comparison_id).where(Annotation.status == "counted")))
        comparisons = session.execute(select(Comparison.id, Comparison.taken, Comparison.answered)).all()
        assert {row.id: row.taken for row in comparisons if row.taken} == taken
        assert {row.id: row.answered for row in comparisons if row.answered} == counted
        assert max(taken.values(), default=0) <= self.study.quota
        pairs = select(Annotation.comparison_id, Annotation.annotator_id).where(Annotation.status == "counted")
        assert max(Counter(map(tuple, session.execute(pairs))).values(), default=1) == 1

    def check_order(self) -> Counter[str]:
        """Every answer means what stood there, whatever its status; returns how many there are of each."""
        statuses: Counter[str] = Counter()
        rows = select(Annotation, Assignment).join(Assignment, Assignment.id == Annotation.assignment_id)
        for annotation, given in self.session.execute(rows.execution_options(populate_existing=True)):
            statuses[annotation.status] += 1
            assert annotation.candidate_first == given.candidate_first
            assert annotation.verdict == resolve(annotation.verdict_shown, candidate_first=given.candidate_first)
            if given.kind != Kind.GOLD:
                once = candidate_is_first(
                    self.study.secret,
                    comparison_id=given.comparison_id,
                    annotator_id=given.annotator_id,
                    occasion=0,
                )
                assert given.candidate_first == (once if given.kind == Kind.STUDY else not once)
        return statuses


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_deeds_keeps_the_tables_in_agreement(session: Session, seed: int) -> None:
    walk = Walk(session, seed)
    for nth in range(160):
        walk.step()
        if nth % 8 == 0:
            walk.check()
    walk.check()
    statuses = walk.check_order()
    assert {"counted", "gold", "repeat", "superseded"} <= set(statuses)


def test_late_and_surplus_answers_are_all_kept_in_their_own_order(session: Session) -> None:
    walk = Walk(session, seed=9)
    early = [(person, claim(session, walk.study, person.id).shown) for person in walk.people]
    let_leases_run_out(session)
    expire_leases(session, walk.study.id)
    others = [make_person(session) for _ in range(8)]
    for _ in range(12):
        for person in others:
            walk.answer(person)
    for person, shown in early:
        assert shown is not None
        record_verdict(session, person.id, shown, walk._verdict())
    walk.check()
    statuses = walk.check_order()
    answered = session.scalars(select(Annotation.assignment_id)).all()
    assert statuses["surplus"] > 0
    assert len(answered) == sum(statuses.values())
    assert len({shown for _, shown in early}) == len(early)


def test_a_withdrawal_amid_everything_leaves_the_tables_in_agreement(session: Session) -> None:
    walk = Walk(session, seed=3)
    for nth, person in enumerate(walk.people[:3]):
        for _ in range(40):
            walk.step()
        withdraw(session, walk.study, person.id, by_id=None, reason=f"The {nth}th.")
        walk.check()
        assert is_out(session, walk.study, person.id)
    session.execute(update(Study).values(max_share=0.5))
    session.expire(walk.study)
    for _ in range(40):
        walk.step()
    walk.check()
    assert walk.check_order()["withdrawn"] > 0
