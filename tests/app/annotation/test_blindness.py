"""Nothing on a page but the two texts says which is the machine's, and their form does not either."""

import json
import random
import re
from pathlib import Path

import pytest
from httpx2 import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.shown_text import shown
from app.models import Checkpoint, Dataset, System
from metrics.form import display_features, told_apart, writing_features
from tests.app.conftest import Browser
from tests.factories import make_pool
from tests.serving import CLAIM

COMPARISONS = 1_000
WRITTEN = Path(__file__).parent / "written.jsonl"
CHANGING_HEADERS = {"content-length", "date"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PROSE = re.compile(r'(<p class="text" lang="en">).*?(</p>)', re.DOTALL)
NEXT = re.compile(r'<template id="following">.*?</template>', re.DOTALL)
JUDGED = re.compile(r'(<span id="judged">)[\d,]+(</span>)')
SCENARIOS = ("128", "256")


def without_texts(html: str) -> str:
    """The page less the texts, the random claims and the day's count."""
    return " ".join(UUID.sub("CLAIM", JUDGED.sub(r"\1N\2", PROSE.sub(r"\1TEXT\2", html))).split())


def parts_of(html: str) -> set[str]:
    """What is left of the page, and of the comparison that waits in it, which near the end of a study may lack."""
    following = NEXT.search(html)
    return {without_texts(NEXT.sub("", html)), *([without_texts(following[0])] if following else [])}


def without_revise(parts: set[str]) -> set[str]:
    """The same before the first answer, when there is nothing to revise yet."""
    return {re.sub(r"\s*(hidden)?>(?=Change last)", ">", part) for part in parts}


def headers_of(response: Response) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in response.headers.items() if name not in CHANGING_HEADERS))


def test_a_thousand_comparisons_differ_in_nothing_but_texts_and_random_claims(annotator: Browser, db: Session) -> None:
    study = make_pool(db, passages=COMPARISONS + 40, quota=1)
    db.commit()
    names = [
        name
        for column in (System.name, Checkpoint.name, Checkpoint.source, Dataset.name)
        for name in db.scalars(select(column).distinct())
    ]
    page = annotator.get(f"/annotate?study={study.slug}")
    whole_page = without_revise(parts_of(page.text))
    assert not any(name in page.text for name in names)
    skeletons, headers, claims = set(), set(), set()
    for _ in range(COMPARISONS):
        found = CLAIM.search(page.text)
        assert found
        claims.add(found[1])
        page = annotator.submit("/annotate", claim=found[1], verdict="first", headers={"HX-Request": "true"})
        assert not any(name in page.text for name in names)
        skeletons |= parts_of(page.text)
        headers.add(headers_of(page))
    assert (len(claims), len(skeletons), len(headers)) == (COMPARISONS, 2, 1)
    # A sequential id would have changed: none is on the page either.
    last = annotator.get(f"/annotate?study={study.slug}").text
    assert without_revise(parts_of(last)) == whole_page


def written() -> list[dict[str, str]]:
    """Originals of the demo and what SmolLM2-135M wrote after the same contexts, for both lengths, as stored."""
    return [json.loads(line) for line in WRITTEN.read_text().splitlines()]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_the_display_decides_does_not_tell_candidate_from_original(
    scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [(shown(row[f"candidate_{scenario}"]), shown(row[f"original_{scenario}"])) for row in written()]
    display, writing = (told_apart(pairs, features).auc for features in (display_features, writing_features))
    with capsys.disabled():
        print(f"\nAUC at {scenario} tokens, {len(pairs)} pairs: display {display:.2f}, writing {writing:.2f}")  # noqa: T201
    assert display <= 0.6


def as_a_machine_would(text: str, draw: random.Random) -> str:
    """The same words with a leading space, tokenised punctuation, curly quotes, line breaks and a word cut off."""
    text = re.sub(r'"([^"]*)"', "“\\1”", text).replace("'", "’").replace("—", " -- ")
    words = re.sub(r"([,.;])", r" \1", text).split(" ")
    words[len(words) // 2] += "\n\n"
    return " " + " ".join(words) + draw.choice(["", " th", " \ufffd", "  "])


def test_the_normaliser_takes_away_what_a_machine_s_formatting_gives_away() -> None:
    draw = random.Random(7)
    originals = [row[f"original_{scenario}"] for row in written() for scenario in SCENARIOS]
    draw.shuffle(originals)
    half = len(originals) // 2
    pairs = [
        (as_a_machine_would(one, draw), other)
        for one, other in zip(originals[:half], originals[half : 2 * half], strict=True)
    ]
    raw = told_apart(pairs, display_features).auc
    normalised = told_apart([(shown(one), shown(other)) for one, other in pairs], display_features).auc
    assert raw > 0.95
    assert normalised <= 0.6
