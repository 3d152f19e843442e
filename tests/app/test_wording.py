"""The words that annotators see: all from one catalogue, which is current and can be translated."""

import re
import tomllib
from collections.abc import Iterator
from gettext import NullTranslations
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from fastapi import FastAPI
from sqlalchemy.orm import Session

from app import templating, wording
from app.domain.training import QualificationPlan
from app.errors import ToprankError
from app.templating import environment, use_language
from app.wording import LOCALE, catalogue, read_catalogue
from tests.app.annotation.asking import make_asking_study
from tests.app.conftest import Browser

ROOT = LOCALE.parent.parent
# The study's own words and the annotator's, a name, keys, and numbers.
NOT_OURS = re.compile(
    r"toprank|\W*|[\d.,]+ (s|min|USD)|\d{4}-\d\d-\d\d.*|[123USF?=←→]|Context \d+.*|candidate \d+|and original \d+.*"
    r"|A study|Read everything|How to judge|Read|everything|\S+@\S+|To learn .*|Some texts .*|IRB .*|Your answers are "
    r"published.*|You are paid .*|You may stop .*|The harbour .*|roofs.*"
)


def extracted() -> set[str]:
    """What stands in code and templates, by the patterns of pyproject.toml."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["babel"]["mappings"]
    methods = [(mapping["pattern"], mapping["method"]) for mapping in mappings]
    options = {
        mapping["pattern"]: {name: value for name, value in mapping.items() if name not in ("pattern", "method")}
        for mapping in mappings
    }
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
    found = extract_from_dir(
        ROOT, methods, options, keywords=keywords, directory_filter=lambda path: Path(path).name in FOLDERS
    )
    return {message for _, _, message, _, _ in found if isinstance(message, str)}


FOLDERS = {"app", "templates", "annotation", "auth", "errors", "domain", "models", "people", "studies"}


def test_the_catalogue_is_current() -> None:
    with (LOCALE / "toprank.pot").open("rb") as file:
        listed = {str(message.id) for message in read_po(file) if message.id}
    assert listed == extracted(), "run the pybabel line of app/locale/README.md"


class Shouting(NullTranslations):
    """Every word in it was looked up."""

    def gettext(self, message: str) -> str:
        return re.sub(r"(<[^>]*>|%\([^)]*\)s|[^<%]+)", lambda part: _shout(part[0]), message)


def _shout(part: str) -> str:
    return part if part.startswith(("<", "%(")) else part.upper()


class Words(HTMLParser):
    """The texts and labels of a page, without scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {"aria-label", "title", "placeholder", "alt"}
        self.found += [value for name, value in attributes if value and (name in named or name.startswith("data-say"))]

    def handle_data(self, data: str) -> None:
        words = data.strip().removesuffix(" · toprank")
        self.found += [words] if words else []


@pytest.fixture
def shouting(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pages whose words of ours are all in capitals."""
    monkeypatch.setattr(templating, "catalogue", lambda _language: Shouting())
    environment.cache.clear()
    use_language("en")
    yield
    monkeypatch.undo()
    environment.cache.clear()
    use_language("en")


def overlooked(html: str) -> list[str]:
    return [words for words in Words(html).found if not NOT_OURS.fullmatch(words) and words != words.upper()]


def test_every_word_of_an_annotator_s_page_comes_from_the_catalogue(
    annotator: Browser, db: Session, shouting: None
) -> None:
    plan = QualificationPlan(comparisons=2, pass_mark=1)
    asking = make_asking_study(
        db, consent=True, english=True, guidelines=True, qualification=plan, passages=0, slug="asking"
    )
    plain = make_asking_study(db, passages=20, break_minutes=50, slug="plain")
    db.commit()
    pages = [f"/annotate/{step}?study={asking.slug}" for step in ("consent", "english", "guidelines", "qualification")]
    pages += [f"/annotate?study={plain.slug}", "/me", f"/me/answers?study={plain.slug}", "/nothing"]
    for path in pages:
        assert overlooked(annotator.get(path).text) == [], path
    assert overlooked(Browser(annotator.app).get("/login").text) == []  # type: ignore[arg-type]


def test_a_translation_is_read_from_a_po_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "da.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Keys"\nmsgstr "Taster"\n'
    )
    monkeypatch.setattr(wording, "LOCALE", tmp_path)
    assert catalogue("da").gettext("Keys") == "Taster"
    assert read_catalogue(b'msgid "Keys"\nmsgstr "Taster"\n').gettext("Guidelines") == "Guidelines"
    for unknown in ("sv", "../da"):
        with pytest.raises(ToprankError, match="only in: en, da"):
            catalogue(unknown)
