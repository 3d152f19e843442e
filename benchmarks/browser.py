"""What an annotator's browser sees: from the keypress to the next text on the screen, and to the server's word."""

import shutil
import time
from statistics import median, quantiles
from typing import Any

from benchmarks.pool import Pool
from benchmarks.served import Server

JUDGEMENTS = 40
BETWEEN_S = 0.25
INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

# Painted: one frame was drawn after the text changed, and the next one begins.
_WATCH = """
() => {
  window.painted = [];
  const claim = () => document.querySelector("#pair .pair")?.dataset.claim;
  document.addEventListener("keydown", (event) => {
    const before = claim();
    const look = () => claim() === before
      ? requestAnimationFrame(look)
      : requestAnimationFrame(() => window.painted.push(performance.now() - event.timeStamp));
    requestAnimationFrame(look);
  }, true);
}
"""
_ANSWERS = """
() => performance.getEntriesByType("resource").filter((one) => new URL(one.name).pathname === "/annotate")
  .map((one) => one.responseEnd - one.startTime)
"""


def measure_browser(server: Server, pool: Pool) -> dict[str, Any]:
    """One annotator who presses 1, 2 and 3 in a headless Chromium at loopback (milliseconds)."""
    from playwright.sync_api import sync_playwright

    installed = next(filter(None, map(shutil.which, INSTALLED)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed, args=FLAGS)
        context = browser.new_context(base_url=f"http://127.0.0.1:{server.port}")
        cookie = {"name": "toprank", "value": pool.tokens[0], "url": f"http://127.0.0.1:{server.port}"}
        context.add_cookies([cookie])  # type: ignore[list-item]
        page = context.new_page()
        page.goto(f"/annotate?study={pool.slug}")
        page.wait_for_selector("#pair .pair")
        page.evaluate(_WATCH)
        for nth in range(JUDGEMENTS):
            page.keyboard.press("123"[nth % 3])
            time.sleep(BETWEEN_S)
        painted, answers = page.evaluate("window.painted"), page.evaluate(_ANSWERS)
        browser.close()
    return {"judgements": len(painted), "key_to_painted": _summary(painted), "answer": _summary(answers)}


def _summary(times: list[float]) -> dict[str, float]:
    return {"p50_ms": round(median(times), 1), "p95_ms": round(quantiles(times, n=20)[18], 1)}
