"""Make the pictures in docs/screenshots from a running demo: each page on a desktop, on a phone and in the dark.

python -m demo.screenshots http://127.0.0.1:8000 CREDENTIALS_FILE docs/screenshots
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

PAGES = {
    "annotator": {"annotate": "/annotate", "me": "/me"},
    "researcher": {
        "studies": "/studies",
        "study": "/studies/demo",
        "results": "/studies/demo/results",
        "texts": "/studies/demo/texts",
        "quality": "/studies/demo/quality",
        "study-new": "/studies/new",
        "study-overview": "/studies/next/settings",
        "study-systems": "/studies/next/settings/systems",
        "study-guidelines": "/studies/next/settings/guidelines",
        "study-quality": "/studies/next/settings/quality",
        "passages-validate": "/studies/next/passages/validate?dataset=fiction",
        "checkpoints": "/checkpoints",
        "hyperfit": "/checkpoints/hyperfit",
        "tokens": "/me/tokens",
        "api": "/api/v1/docs",
    },
    "admin": {
        "people": "/people",
        "pay": "/people/pay",
        "audit": "/audit",
        "export": "/studies/demo/export",
        "bundle": "/studies/demo/bundle",
    },
}
VIEWS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 860}},
    "phone": {"viewport": {"width": 390, "height": 844}},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
}
INSTALLED = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
WAIT_FOR_A_COMPARISON_MS = 300_000


def main() -> None:
    """Log in as each role and take every picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("credentials", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    logins = {login["role"]: login for login in json.loads(options.credentials.read_text())}
    with sync_playwright() as playwright:
        installed = next(filter(None, map(shutil.which, INSTALLED)), None)
        browser = playwright.chromium.launch(executable_path=installed, args=FLAGS)
        _judge_some(browser, options.address, logins["annotator"])
        _make_draft(browser, options.address, logins["researcher"])
        for view, settings in VIEWS.items():
            for role, pages in PAGES.items():
                page = _logged_in(browser, options.address, logins[role], settings)
                for name, path in pages.items():
                    page.goto(path)
                    page.wait_for_load_state("networkidle")
                    page.screenshot(path=options.folder / f"{name}-{view}.png", full_page=view != "phone")
                page.context.close()
        browser.close()


def _logged_in(browser: Browser, address: str, login: dict[str, str], settings: dict[str, Any]) -> Page:
    page = browser.new_context(base_url=address, **settings).new_page()
    page.goto("/login")
    page.get_by_label("E-mail").fill(login["email"])
    page.get_by_label("Password").fill(login["password"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def _judge_some(browser: Browser, address: str, login: dict[str, str]) -> None:
    """A few judgements, so that the pages have something to show; waits for the first comparison."""
    page = _logged_in(browser, address, login, VIEWS["desktop"])
    page.goto("/annotate")
    page.locator(".pair").wait_for(timeout=WAIT_FOR_A_COMPARISON_MS)
    for key in "12132":
        before = page.locator(".pair").get_attribute("data-claim")
        page.keyboard.press(key)
        page.wait_for_function("before => document.querySelector('.pair')?.dataset.claim !== before", arg=before)
    page.context.close()


def _make_draft(browser: Browser, address: str, login: dict[str, str]) -> None:
    """A copy of the demo's study, with two passages to read again."""
    page = _logged_in(browser, address, login, VIEWS["desktop"])
    page.goto("/studies/new?copy_of=demo")
    page.get_by_label("Title").fill("The next study")
    page.get_by_label("Name in addresses").fill("next")
    page.get_by_label("with its accepted passages").check()
    page.get_by_role("button", name="Make the draft").click()
    page.wait_for_url("**/settings/systems")
    for _ in range(2):
        page.goto("/studies/next/passages?dataset=fiction&state=accepted")
        page.locator("summary").first.click()
        page.get_by_role("button", name="Reconsider").first.click()
        page.wait_for_url("**/passages/validate*")
    page.get_by_role("button", name="Check what waits again").click()
    page.context.close()


if __name__ == "__main__":
    main()
