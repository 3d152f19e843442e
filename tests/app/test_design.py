"""The colours of static/app.css, light and dark, by WCAG 2.2 AA; and that nothing on a page lacks its style."""

import re
from collections.abc import Iterator

import pytest

from app.static_files import STATIC
from app.templating import TEMPLATES

# Names that tell a part of a page what it is, and look like everything else.
PLAIN = {"pair--explained", "judgement__progress"}
TEXT = 4.5
OUTLINE = 3.0
PAIRS = [
    ("ink", "paper", TEXT),
    ("ink", "surface", TEXT),
    ("ink", "sunken", TEXT),
    ("ink-soft", "paper", TEXT),
    ("ink-soft", "surface", TEXT),
    ("ink-soft", "sunken", TEXT),
    ("accent", "paper", TEXT),
    ("accent", "surface", TEXT),
    ("accent-strong", "accent-soft", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-strong", TEXT),
    ("good", "good-soft", TEXT),
    ("warn", "warn-soft", TEXT),
    ("bad", "bad-soft", TEXT),
    ("bad", "surface", TEXT),
    ("ink", "bad-soft", TEXT),
    ("line-strong", "surface", OUTLINE),
    ("line-strong", "paper", OUTLINE),
    ("accent", "line", OUTLINE),
]


def palettes() -> dict[str, dict[str, str]]:
    """Colour by name: the light ones, and the dark ones over them."""
    css = (STATIC / "app.css").read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    )
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2, in [0, 1]."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_21_for_black_on_white() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("palette", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_what_has_to_be_read_can_be_read(palette: str, front: str, back: str, least: float) -> None:
    colours = palettes()[palette]
    assert contrast(colours[front], colours[back]) >= least


def classes_of_templates() -> Iterator[tuple[str, str]]:
    """Every class that a template names outright, with the template; those that are put together end in a hyphen."""
    for template in sorted(TEMPLATES.rglob("*.html")):
        html = re.sub(r"\{[{%#].*?[}%#]\}", " ", template.read_text(), flags=re.DOTALL)
        for name in " ".join(re.findall(r'class="([^"]*)"', html)).split():
            if not name.endswith("-"):
                yield name, template.name


def test_every_class_of_a_page_is_styled_or_looked_for() -> None:
    known = "".join(file.read_text() for file in STATIC.iterdir() if file.suffix in (".css", ".js"))
    styled = set(re.findall(r"\.(-?[_a-zA-Z][\w-]*)", known)) | PLAIN
    assert [(name, template) for name, template in classes_of_templates() if name not in styled] == []
