"""An admin invites, pays, erases, reads the log and takes data out, in a real browser, with nothing for axe to find."""

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.bundle.verifying import verify
from app.models.person import Role
from tests.browser import axe
from tests.browser.conftest import PASSWORD
from tests.golden import make_golden_study

pytestmark = pytest.mark.browser


@pytest.fixture
def golden(engine: Engine) -> str:
    """A judged study; returns the address of one of its annotators."""
    with Session(engine) as session:
        make_golden_study(session)
        session.commit()
    return "golden"


def test_inviting_somebody_and_a_list(log_in: Callable[..., Page], open_page: Callable[..., Page]) -> None:
    page = log_in(Role.ADMIN)
    axe.check(page)
    page.get_by_label("E-mail").fill("new@lab.example")
    page.get_by_role("button", name="Make an invitation link").click()
    axe.check(page, name="invited")
    link = page.get_by_label("Invitation link").input_value()
    new = open_page()
    new.goto(link)
    new.get_by_label("New password").fill(PASSWORD)
    new.get_by_label("The same again").fill(PASSWORD)
    new.get_by_role("button", name="Set the password").click()
    expect(new.get_by_role("link", name="new@lab.example")).to_be_visible()
    page.goto("/people")
    page.get_by_text("Invite a whole list").click()
    axe.check(page, name="list open")
    page.get_by_label("One person on each line").fill("ada@lab.example\nbob@lab.example, researcher\nnew@lab.example")
    page.get_by_role("button", name="Make all links").click()
    expect(page.get_by_role("heading", name="2 links to send")).to_be_visible()
    axe.check(page, name="invited list")


def test_a_person_is_disabled_and_erased(log_in: Callable[..., Page]) -> None:
    other = log_in(Role.ANNOTATOR)
    page = log_in(Role.ADMIN)
    email = other.locator(".account__name").inner_text()
    page.get_by_role("link", name=email, exact=True).click()
    axe.check(page, name="person")
    page.get_by_role("button", name="Disable").click()
    other.goto("/me")
    other.wait_for_url("**/login**")
    page.get_by_role("link", name=email, exact=True).click()
    page.get_by_role("link", name="Look at what would go").click()
    page.get_by_label("Names to look for").fill("Ada Lovelace")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_label("Names to look for")).to_have_value("Ada Lovelace")
    axe.check(page, name="erasing")
    page.get_by_label("Type their address to confirm").fill(email)
    page.get_by_role("button", name="Erase the identity").click()
    expect(page.get_by_text("erased", exact=True)).to_be_visible()
    axe.check(page, name="erased")
    page.get_by_role("link", name="On record").click()
    expect(page.get_by_role("cell", name="person.erase")).to_be_visible()
    axe.check(page, name="audit")
    assert email not in page.content()


def test_hours_and_pay(golden: str, log_in: Callable[..., Page]) -> None:
    page = log_in(Role.ADMIN)
    page.get_by_role("link", name="Hours and pay").click()
    page.get_by_label("From").fill("2000-01-01")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("To pay")).to_be_visible()
    axe.check(page, name="pay")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download (CSV)").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert sum(float(row["pay"]) for row in rows) > 0


def test_taking_an_export_and_a_bundle(golden: str, log_in: Callable[..., Page]) -> None:
    page = log_in(Role.RESEARCHER)
    page.goto("/studies/golden")
    page.get_by_role("link", name="Export", exact=True).click()
    axe.check(page, name="export")
    page.get_by_role("checkbox", name="counted").check()
    page.get_by_role("checkbox", name="256").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    content = Path(download.value.path()).read_bytes()
    rows = list(csv.DictReader(content.decode().splitlines()))
    assert {(row["status"], row["scenario"]) for row in rows} == {("counted", "256")}
    page.reload()
    expect(page.get_by_text(hashlib.sha256(content).hexdigest()[:16])).to_be_visible()
    axe.check(page, name="export taken")
    page.goto("/studies/golden/bundle")
    axe.check(page, name="bundle")
    page.get_by_label("How were annotators found?").fill("By a notice at the library.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the bundle").click()
    assert verify(Path(download.value.path())).study == "golden"
