"""A real headless browser: an installed Chromium or Chrome, else the one that Playwright brings."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.auth.accounts import create_person
from app.models.person import Role
from tests.serving import serve, settings_for

EXPECTED = (
    "ERR_INTERNET_DISCONNECTED",
    "401 (Unauthorized)",
    "422 (Unprocessable",
    "423 (Locked)",
    "409 (Conflict)",
    "Error Code 409",
)
NOWHERE = "not-there"  # in an address: the page will not be found
PASSWORD = "four words nobody guesses"
INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all of these tests; each gets pages of its own.

    It ends with them, since Playwright keeps an event loop running in this thread, where other tests run their own.
    """
    installed = next(filter(None, map(shutil.which, INSTALLED)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def address(engine: Engine, database_url: str, tmp_path: Path) -> Iterator[str]:
    """The app, served on the test's own database."""
    with serve(settings_for(database_url, tmp_path)) as address:
        yield address


@pytest.fixture
def open_page(chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens a page in a browser context of its own; the test fails on any console error or script error."""
    contexts, complaints = [], []

    def complain(message: ConsoleMessage) -> None:
        # a test that cuts the line, logs somebody out, is refused or asks for what is not there is told so
        expected = any(said in message.text for said in EXPECTED) or NOWHERE in message.location["url"]
        if message.type == "error" and not expected:
            complaints.append(message.text)

    def open_page(**options: object) -> Page:
        context = chromium.new_context(base_url=address, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def log_in(engine: Engine, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Creates a person of the role and logs them in by the form; the page is then where the login leads."""
    numbers = iter(range(1, 100))

    def log_in(role: Role, **options: object) -> Page:
        email = f"{role}{next(numbers)}@lab.example"
        with Session(engine) as session:
            create_person(session, email=email, role=role, password=PASSWORD)
            session.commit()
        page = open_page(**options)
        page.goto("/login")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(lambda url: "/login" not in url)
        return page

    return log_in
