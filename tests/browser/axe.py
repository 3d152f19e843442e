"""axe-core on a page as it stands: what WCAG 2.2 AA finds wrong, in light and dark, on a phone and a desktop."""

from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
WIDTHS = (320, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

_RUN = "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})"

# Chromium takes some frames to repaint everything in the other scheme's colours: on a busy machine more than any time
# that one would wait, and in between texts of one scheme stand on the paper of the other.
_REPAINTED = """scheme => new Promise(done => {
  const repainted = () => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100)));
  const isThere = () => matchMedia(`(prefers-color-scheme: ${scheme})`).matches;
  const wait = () => isThere() ? repainted() : requestAnimationFrame(wait);
  wait();
})"""


def violations(page: Page) -> list[str]:
    """One line for each element that breaks a rule; empty when nothing does. The page is left as it was."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate(_RUN, RULES)
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def scrolls_sideways(page: Page) -> bool:
    """Whether the page is wider than its window, which nobody should have to scroll (WCAG 1.4.10)."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wide


def check(page: Page, *, name: str = "") -> None:
    """Assert that axe finds nothing at 320 and 1280 px, in light and in dark, and that nothing scrolls sideways."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            page.evaluate(_REPAINTED, scheme)
            where = f"{name or page.url} at {width} px, {scheme}"
            found = violations(page)
            assert not found, "\n".join([where, *found])
            assert not scrolls_sideways(page), f"{where} scrolls sideways"
