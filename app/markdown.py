"""Markdown that researchers write, as HTML that is safe to show: no tags of theirs, no scripts behind links."""

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable("image")
DEEPEST_HEADING = 6


def markdown(text: str) -> Markup:
    """The text as HTML; its headings stand one level lower, under the page's own.

    >>> markdown("# Read *both* <script>")
    Markup('<h2>Read <em>both</em> &lt;script&gt;</h2>\\n')
    """
    tokens = _MARKDOWN.parse(text)
    _lower_headings(tokens)
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 escaped by the renderer


def _lower_headings(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(DEEPEST_HEADING, int(token.tag[1:]) + 1)}"
