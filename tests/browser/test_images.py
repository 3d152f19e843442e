"""Judging images in a real browser: what is seen, how crisp it is, and that nothing tells one from the other."""

import base64
import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.models import Annotation
from app.models.person import Role
from tests.browser.axe import check
from tests.browser.test_annotation import press_and_wait
from tests.image_pool import COLOURS, make_image_pool

pytestmark = pytest.mark.browser


@pytest.fixture
def page(engine: Engine, log_in: Callable[..., Page]) -> Page:
    with Session(engine) as session:
        make_image_pool(session, passages=6)
        session.commit()
    return log_in(Role.ANNOTATOR)


def pixels(page: Page, nth: int) -> np.ndarray:
    address = page.locator("img.pixels").nth(nth).get_attribute("src") or ""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def test_a_study_of_images_is_judged_by_keyboard(engine: Engine, page: Page) -> None:
    expect(page.get_by_role("heading", name="First image")).to_be_visible()
    for nth in range(6):
        press_and_wait(page, ["1", "2", "3", "ArrowLeft", "ArrowRight", "="][nth])
    expect(page.get_by_role("heading", name="Study complete")).to_be_visible()
    with Session(engine) as session:
        chosen = list(session.scalars(select(Annotation.verdict_shown).order_by(Annotation.id)))
    assert chosen == ["first", "second", "equal"] * 2


def test_both_images_begin_with_the_given_rows_and_stand_side_by_side(page: Page) -> None:
    given, first, second = (pixels(page, nth) for nth in range(3))
    assert given.shape == (2, 8, 3)
    assert first.shape == second.shape == (8, 8, 3)
    assert np.array_equal(first[:2], given)
    assert np.array_equal(second[:2], given)
    assert not np.array_equal(first, second)
    assert {tuple(one) for one in first.reshape(-1, 3)} <= {tuple(one) for one in COLOURS.table}
    boxes = [page.locator("img.pixels").nth(nth).bounding_box() for nth in (1, 2)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    # 32 whole pixels of the screen for each of the image's 8
    assert (boxes[0]["width"], boxes[0]["height"]) == (256, 256)
    style = page.locator("img.pixels").first.evaluate("image => getComputedStyle(image).imageRendering")
    assert style == "pixelated"


def test_nothing_but_the_pixels_differs_between_the_images(page: Page) -> None:
    sides = [page.locator(".continuation").nth(nth).evaluate("side => side.outerHTML") for nth in (0, 1)]
    plain = [
        re.sub(r"first|First", "second", re.sub(r'src="data:[^"]+"', "", side), count=0).replace("Second", "second")
        for side in sides
    ]
    assert plain[0] == plain[1]
    assert not re.search(r"candidate|reference|original|model|human", page.content(), re.IGNORECASE)


def test_an_answer_can_be_changed_and_read_again_as_images(page: Page) -> None:
    press_and_wait(page, "1")
    page.goto("/annotate/revise")
    expect(page.locator("img.pixels")).to_have_count(3)
    page.goto("/me/answers")
    expect(page.get_by_text("An image")).to_be_visible()


def test_everybody_can_use_the_page_on_a_phone_and_in_the_dark(page: Page) -> None:
    check(page, name="images")
