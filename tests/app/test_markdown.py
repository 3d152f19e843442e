"""Markdown by researchers: formatted, and harmless."""

import pytest

from app.markdown import markdown


def test_headings_stand_under_the_page_s_own() -> None:
    assert markdown("# One\n\n###### Six") == "<h2>One</h2>\n<h6>Six</h6>\n"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[here](javascript:alert(1))",
        "[here](data:text/html,<script>alert(1)</script>)",
        "![pixel](https://elsewhere.example/x.png)",
    ],
)
def test_nothing_runs_and_nothing_is_fetched(text: str) -> None:
    html = markdown(text)
    assert not any(bad in html for bad in ("<script", "<img", 'href="javascript', 'href="data'))


def test_links_and_lists_work() -> None:
    assert '<a href="https://lab.example">' in markdown("* [the lab](https://lab.example)")
