"""The annotation page under real conditions: bad lines, two tabs, long texts, small screens, breaks, notes."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from app.models import Annotation, Assignment, Flag, LoginSession, Person
from app.models.annotation import AssignmentState
from app.models.person import Role
from tests.browser.test_annotation import annotations, claim_on, make_open_study, press_and_wait, saved
from tests.factories import make_comparison, make_dataset, make_passage, make_study

pytestmark = pytest.mark.browser

OUTBOX_IS_EMPTY = "() => Object.keys(localStorage).every(key => !key.includes('outbox'))"
LONG = "It goes on and on, as texts do that somebody wrote without an end in mind. " * 60


def test_a_digit_skips_for_its_reason_once_s_was_pressed(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=40)
    page = log_in(Role.ANNOTATOR)
    skipped = claim_on(page)
    page.keyboard.press("s")
    press_and_wait(page, "3")
    page.wait_for_function(OUTBOX_IS_EMPTY)
    with Session(engine) as session:
        (row,) = session.scalars(select(Assignment).where(Assignment.state == AssignmentState.SKIPPED))
        assert (str(row.claim), row.skip_reason) == (skipped, "broken")
    assert annotations(engine) == []


def test_f_sends_a_note_and_the_comparison_stays(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=40)
    page = log_in(Role.ANNOTATOR)
    before = claim_on(page)
    page.keyboard.press("f")
    page.keyboard.type("1 look: half of it is French")
    page.get_by_role("button", name="Send the note").click()
    expect(page.get_by_text("on its way to the researchers")).to_be_visible()
    assert claim_on(page) == before
    page.wait_for_function(OUTBOX_IS_EMPTY)
    with Session(engine) as session:
        assert session.scalars(select(Flag.note)).all() == ["1 look: half of it is French"]


def test_escape_closes_a_skip_and_the_keys_judge_again(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=40)
    page = log_in(Role.ANNOTATOR)
    page.keyboard.press("s")
    page.keyboard.press("Escape")
    press_and_wait(page, "1")
    saved(engine, page, 1)


def test_a_second_tab_follows_the_first(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=40)
    page = log_in(Role.ANNOTATOR)
    tab = page.context.new_page()
    tab.goto("/annotate")
    press_and_wait(page, "1")
    tab.wait_for_function("claim => document.querySelector('.pair').dataset.claim === claim", arg=claim_on(page))
    press_and_wait(tab, "2")
    page.wait_for_function("claim => document.querySelector('.pair').dataset.claim === claim", arg=claim_on(tab))
    assert len(saved(engine, page, 2)) == 2


def test_an_answer_kept_in_the_browser_is_not_sent_by_somebody_else_s_login(
    engine: Engine, log_in: Callable[..., Page]
) -> None:
    make_open_study(engine, passages=40)
    page = log_in(Role.ANNOTATOR)
    page.context.set_offline(True)
    press_and_wait(page, "1")
    with Session(engine) as session:
        session.execute(delete(LoginSession))
        session.commit()
    page.context.set_offline(False)
    expect(page.get_by_text("You have been logged out")).to_be_visible(timeout=15_000)
    other = log_in(Role.ANNOTATOR)
    cookie = next(cookie for cookie in other.context.cookies() if cookie["name"] == "toprank")
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto("/annotate")
    expect(page.get_by_role("heading", name="First continuation")).to_be_visible()
    press_and_wait(page, "2")
    (answer,) = saved(engine, page, 1)
    page.wait_for_timeout(300)
    with Session(engine) as session:
        emails = session.scalars(select(Person.email).join(Annotation, Annotation.annotator_id == Person.id)).all()
    assert (emails, answer.verdict_shown) == (["annotator2@lab.example"], "second")


def test_changed_guidelines_take_the_annotator_there(engine: Engine, log_in: Callable[..., Page]) -> None:
    from app.domain.taking_part import change_guidelines
    from app.models import Study

    make_open_study(engine, passages=40)
    page = log_in(Role.ANNOTATOR)
    with Session(engine) as session:
        change_guidelines(session, session.scalars(select(Study)).one(), "Read *twice*.")
        session.commit()
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="Guidelines")).to_be_visible()
    page.get_by_role("button", name="I have read them").click()
    expect(page.get_by_role("heading", name="First continuation")).to_be_visible()
    assert len(annotations(engine)) == 1


def test_a_break_is_suggested_and_the_clock_stops_for_it(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=40, break_minutes=1)
    page = log_in(Role.ANNOTATOR)
    owner = page.locator("#annotation").get_attribute("data-owner")
    page.evaluate(f"localStorage.setItem('toprank.work.{owner}', JSON.stringify({{ms: 59500, at: Date.now()}}))")
    page.mouse.move(10, 10)
    expect(page.get_by_role("dialog", name="Time for a break?")).to_be_visible(timeout=10_000)
    page.wait_for_timeout(2_000)
    page.get_by_role("button", name="Go on").click()
    page.keyboard.press("1")
    (answer,) = saved(engine, page, 1)
    assert answer.duration_ms < 3_500


def test_long_texts_scroll_together_and_the_choices_stay(engine: Engine, log_in: Callable[..., Page]) -> None:
    with Session(engine) as session:
        passage = make_passage(session, make_dataset(session, make_study(session)))
        make_comparison(session, passage, candidate_text=LONG, reference_text=LONG.upper())
        session.commit()
    page = log_in(Role.ANNOTATOR, viewport={"width": 1280, "height": 800})
    tops = "[...document.querySelectorAll('.continuation')].map(text => text.getBoundingClientRect().top)"
    first, second = page.evaluate(tops)
    page.keyboard.press("PageDown")
    page.wait_for_function(f"before => {tops}[0] < before", arg=first)
    assert [first - top for top in page.evaluate(tops)] == [second - page.evaluate(tops)[1]] * 2
    expect(page.get_by_role("button", name="Equally good")).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Context")).to_be_in_viewport()


@pytest.mark.parametrize(("width", "height"), [(320, 568), (640, 360), (820, 1180)])
def test_every_size_shows_both_texts_and_the_choices(
    engine: Engine, log_in: Callable[..., Page], width: int, height: int
) -> None:
    """A phone, a 1280 x 720 window at 200 % zoom (640 x 360), and a tablet."""
    make_open_study(engine, passages=20)
    page = log_in(Role.ANNOTATOR, viewport={"width": width, "height": height}, has_touch=True)
    for name in ("First continuation", "Second continuation"):
        heading = page.get_by_role("heading", name=name)
        heading.scroll_into_view_if_needed()
        expect(heading).to_be_in_viewport()
    before = claim_on(page)
    page.get_by_role("button", name="Equally good").tap()
    page.wait_for_function("before => document.querySelector('.pair').dataset.claim !== before", arg=before)


def test_a_screen_reader_hears_the_names_of_everything(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=20)
    page = log_in(Role.ANNOTATOR)
    expect(page.locator("main")).to_match_aria_snapshot("""
      - region "Context":
        - heading "Context" [level=2]
      - group "Continuations":
        - region "First continuation"
        - region "Second continuation"
      - paragraph: Which continuation do you prefer?
      - group "Which continuation do you prefer?":
        - button "The first"
        - button "The second"
        - button "Equally good"
    """)
    press_and_wait(page, "1")
    expect(page.get_by_role("status").first).to_have_text("Saved. Next comparison.")
    assert page.evaluate("document.activeElement.className") == "context"
