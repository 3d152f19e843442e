"""An annotator's day in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.models import Annotation, Assignment
from app.models.annotation import AssignmentState
from app.models.person import Role
from tests.factories import make_pool

pytestmark = pytest.mark.browser


def make_open_study(engine: Engine, **columns: object) -> str:
    with Session(engine) as session:
        study = make_pool(session, **columns)  # type: ignore[arg-type]
        session.commit()
        return study.slug


def claim_on(page: Page) -> str | None:
    return page.locator(".pair").get_attribute("data-claim")


def press_and_wait(page: Page, key: str) -> None:
    before = claim_on(page)
    page.keyboard.press(key)
    page.wait_for_function("before => document.querySelector('.pair')?.dataset.claim !== before", arg=before)


def annotations(engine: Engine) -> list[Annotation]:
    with Session(engine) as session:
        return list(session.scalars(select(Annotation).order_by(Annotation.id)))


def saved(engine: Engine, page: Page, number: int) -> list[Annotation]:
    """The annotations, once there are as many as expected."""
    for _ in range(200):
        found = annotations(engine)
        if len(found) >= number:
            return found
        page.wait_for_timeout(25)
    raise AssertionError(f"{len(found)} annotations instead of {number}")


def test_an_annotator_judges_by_keyboard_until_the_study_is_complete(
    engine: Engine, log_in: Callable[..., Page]
) -> None:
    make_open_study(engine, passages=12, quota=1)
    page = log_in(Role.ANNOTATOR)
    expect(page.get_by_role("heading", name="First continuation")).to_be_visible()
    for nth in range(12):
        press_and_wait(page, ["1", "2", "3", "ArrowLeft", "ArrowRight", "="][nth % 6])
    expect(page.get_by_role("heading", name="Study complete")).to_be_visible()
    chosen = [row.verdict_shown for row in annotations(engine)]
    assert chosen == ["first", "second", "equal"] * 4
    assert all(row.duration_ms > 0 for row in annotations(engine))


def test_the_next_comparison_is_there_before_the_server_answers(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=40)
    page = log_in(Role.ANNOTATOR)
    expect(page.locator("#following")).to_have_count(1)
    following = page.evaluate("document.getElementById('following').content.querySelector('.pair').dataset.claim")
    page.context.set_offline(True)
    page.keyboard.press("1")
    assert claim_on(page) == following
    expect(page.get_by_text("No connection")).to_be_visible()
    page.context.set_offline(False)
    saved(engine, page, 1)


def test_an_answer_given_offline_is_sent_once_with_its_own_duration(
    engine: Engine, log_in: Callable[..., Page]
) -> None:
    make_open_study(engine, passages=40)
    page = log_in(Role.ANNOTATOR)
    page.context.set_offline(True)
    page.wait_for_timeout(300)
    press_and_wait(page, "1")
    page.wait_for_timeout(600)
    page.keyboard.press("2")
    page.context.set_offline(False)
    first, second = saved(engine, page, 2)
    assert 300 <= first.duration_ms < 5_000
    assert 600 <= second.duration_ms < 5_000
    page.reload()
    page.wait_for_timeout(300)
    assert len(annotations(engine)) == 2


def test_u_changes_the_last_answer(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=40)
    page = log_in(Role.ANNOTATOR)
    answered = claim_on(page)
    press_and_wait(page, "1")
    saved(engine, page, 1)
    expect(page.locator("#revise")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("heading", name="Change your last answer")).to_be_visible()
    assert claim_on(page) == answered
    expect(page.locator(".choice[aria-current]")).to_have_text("The first 1")
    page.keyboard.press("2")
    old, new = saved(engine, page, 2)
    assert (old.status, new.status, new.verdict_shown) == ("superseded", "counted", "second")
    expect(page.get_by_role("heading", name="First continuation")).to_be_visible()


def test_s_skips_with_a_reason(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=40)
    page = log_in(Role.ANNOTATOR)
    skipped = claim_on(page)
    page.keyboard.press("s")
    with page.expect_response("**/annotate/skip"):
        page.get_by_role("button", name="It is harmful").click()
    assert claim_on(page) != skipped
    with Session(engine) as session:
        (row,) = session.scalars(select(Assignment).where(Assignment.state == AssignmentState.SKIPPED))
        assert (str(row.claim), row.skip_reason) == (skipped, "harmful")


def test_question_mark_shows_the_keys(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine)
    page = log_in(Role.ANNOTATOR)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("1")
    assert annotations(engine) == []


def test_two_tabs_show_the_same_comparison(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=40)
    page = log_in(Role.ANNOTATOR)
    tab = page.context.new_page()
    tab.goto("/annotate")
    assert claim_on(tab) == claim_on(page)


def test_everything_but_hotkeys_works_without_javascript(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=12, quota=1)
    page = log_in(Role.ANNOTATOR, java_script_enabled=False)
    before = claim_on(page)
    page.get_by_role("button", name="The second").click()
    assert claim_on(page) != before
    page.get_by_role("link", name="Change last answer").click()
    page.get_by_role("button", name="Equally good").click()
    assert [row.verdict_shown for row in annotations(engine)] == ["second", "equal"]


def test_an_idle_tab_stops_the_clock(engine: Engine, log_in: Callable[..., Page]) -> None:
    make_open_study(engine, passages=40, pause_seconds=1)
    page = log_in(Role.ANNOTATOR)
    expect(page.get_by_role("dialog", name="Paused")).to_be_visible(timeout=10_000)
    page.wait_for_timeout(2_000)
    page.get_by_role("button", name="Go on").click()
    page.keyboard.press("1")
    (answer,) = saved(engine, page, 1)
    # paused one to two seconds after the last movement, then for two more that do not count
    assert answer.duration_ms < 3_500
