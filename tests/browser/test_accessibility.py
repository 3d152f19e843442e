"""Every page that an annotator sees, and what researchers see of them, by axe-core: WCAG 2.2 AA, light and dark."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.auth.invitations import invite
from app.domain.flags import flag
from app.domain.reviews import pause
from app.domain.training import QualificationPlan
from app.domain.withdrawals import withdraw
from app.models import Person, Study
from app.models.person import Role
from app.models.study import StudyState
from tests.app.annotation.asking import make_asking_study
from tests.browser import axe
from tests.browser.conftest import NOWHERE, PASSWORD
from tests.factories import make_person, make_pool

pytestmark = pytest.mark.browser


def make_study(engine: Engine, **asked: object) -> str:
    with Session(engine) as session:
        study = make_asking_study(session, **asked)  # type: ignore[arg-type]
        session.commit()
        return study.slug


def move(engine: Engine, slug: str, **columns: object) -> None:
    with Session(engine) as session:
        session.execute(update(Study).where(Study.slug == slug).values(**columns))
        session.commit()


def test_the_way_in(engine: Engine, open_page: Callable[..., Page]) -> None:
    plan = QualificationPlan(comparisons=2, pass_mark=1, attempts=1)
    make_study(engine, consent=True, english=True, guidelines=True, qualification=plan, passages=20)
    with Session(engine) as session:
        _, token = invite(session, "new@lab.example", Role.ANNOTATOR, by=None)
        session.commit()
    page = open_page()
    page.goto("/login")
    axe.check(page)
    page.goto(f"/invite/{token}")
    axe.check(page)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    axe.check(page, name="consent")
    page.get_by_role("button", name="agree to take part").click()
    axe.check(page, name="english")
    page.get_by_label("First language").fill("Danish")
    page.get_by_label("By whom").fill("the platform")
    page.get_by_label("When").fill("2026-03-01")
    page.get_by_role("button", name="Save and go on").click()
    axe.check(page, name="guidelines")
    page.get_by_role("button", name="I have read them").click()
    axe.check(page, name="practice")
    page.get_by_role("button", name="Begin").click()
    axe.check(page, name="practice question")
    page.keyboard.press("3")
    expect(page.get_by_text("You chose")).to_be_visible()
    axe.check(page, name="practice explained")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Practice 2 of 2")).to_be_visible()
    page.wait_for_load_state()  # the keys work once the script is there
    page.keyboard.press("3")
    expect(page.get_by_role("heading", name=re.compile("Passed|Not passed"))).to_be_visible()
    axe.check(page, name="practice result")


def test_judging(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_study(engine, passages=20, break_minutes=50)
    page = log_in(Role.ANNOTATOR)
    axe.check(page, name="annotate")
    page.keyboard.press("s")
    axe.check(page, name="skip open")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    axe.check(page, name="flag open")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    axe.check(page, name="keys")
    page.keyboard.press("Escape")
    for dialog in ("pause", "break"):
        page.evaluate(f"document.getElementById('{dialog}').showModal()")
        axe.check(page, name=dialog)
        page.keyboard.press("Escape")
    page.keyboard.press("1")
    expect(page.locator("#judged")).to_have_text("1")
    page.goto("/annotate/revise")
    axe.check(page, name="revise")
    page.goto("/annotate/guidelines")
    axe.check(page, name="guidelines again")


def test_when_there_is_nothing_to_judge(engine: Engine, log_in: Callable[..., Page]) -> None:
    page = log_in(Role.ANNOTATOR)
    axe.check(page, name="no study")
    with Session(engine) as session:
        slug = make_pool(session, passages=0).slug
        session.commit()
    page.goto("/annotate")
    axe.check(page, name="preparing")
    for state in (StudyState.PAUSED, StudyState.CLOSED):
        move(engine, slug, state=state)
        page.goto(f"/annotate?study={slug}")
        axe.check(page, name=state)


def make_open_study(session: Session, **pool: object) -> tuple[Study, int]:
    """A study, and the only annotator there is, who is logged in."""
    annotator_id = session.scalars(select(Person.id).where(Person.role == Role.ANNOTATOR)).one()
    study = make_pool(session, **pool)  # type: ignore[arg-type]
    session.commit()
    return study, annotator_id


def test_own_answers_and_having_done_all(engine: Engine, log_in: Callable[..., Page]) -> None:
    page = log_in(Role.ANNOTATOR)
    with Session(engine, expire_on_commit=False) as session:
        study, _ = make_open_study(session, passages=1)
    page.goto(f"/annotate?study={study.slug}")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="You have done all you can")).to_be_visible()
    axe.check(page, name="exhausted")
    page.goto(f"/me/answers?study={study.slug}")
    axe.check(page, name="own answers")


def test_waiting_review_and_withdrawal(engine: Engine, log_in: Callable[..., Page]) -> None:
    page = log_in(Role.ANNOTATOR)
    with Session(engine, expire_on_commit=False) as session:
        study, annotator_id = make_open_study(session, passages=1, quota=1)
        researcher, other = make_person(session, role=Role.RESEARCHER), make_person(session)
        claim(session, study, other.id)
        session.commit()
        address = f"/annotate?study={study.slug}"
        page.goto(address)
        expect(page.get_by_role("heading", name="Waiting for other annotators")).to_be_visible()
        axe.check(page, name="waiting")
        for decide, heading in ((pause, "A pause for you"), (withdraw, "You are done with this study")):
            decide(session, study, annotator_id, by_id=researcher.id, reason="checked")
            session.commit()
            page.goto(address)
            expect(page.get_by_role("heading", name=heading)).to_be_visible()
            axe.check(page, name=heading)


def test_quality_and_notes(engine: Engine, log_in: Callable[..., Page]) -> None:
    page = log_in(Role.ANNOTATOR)
    with Session(engine, expire_on_commit=False) as session:
        study, annotator_id = make_open_study(session, passages=3)
        page.goto(f"/annotate?study={study.slug}")
        page.keyboard.press("1")
        expect(page.locator("#judged")).to_have_text("1")
        shown = claim(session, study, annotator_id).shown
        assert shown is not None
        flag(session, annotator_id, shown, "Half of it is French.")
        session.commit()
    page = log_in(Role.RESEARCHER)
    for path in ("quality", "quality/flags"):
        page.goto(f"/studies/{study.slug}/{path}")
        axe.check(page)
    page.get_by_text("The texts").click()
    axe.check(page, name="a note's texts")


def test_errors_and_the_account(log_in: Callable[..., Page]) -> None:
    page = log_in(Role.ANNOTATOR)
    page.goto("/me")
    axe.check(page)
    page.goto(f"/annotate/guidelines?study={NOWHERE}")
    axe.check(page, name="not found")
