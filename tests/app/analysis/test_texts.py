"""/studies/{slug}/texts: finding texts, and reading all continuations of a context."""

import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.analysis.texts import PAGE, TextFilter, find_texts
from app.models import Passage, Study
from metrics.consensus import Consensus
from tests.app.conftest import Browser
from tests.factories import make_pool


def all_texts(session: Session, study: Study, **wanted: object) -> list[object]:
    found: list[object] = []
    for page in range(1, 100):
        texts, total = find_texts(session, study, TextFilter(page=page, **wanted))  # type: ignore[arg-type]
        found += texts
        if len(found) >= total:
            return found
    raise AssertionError("too many pages")


def test_filters_narrow_the_texts_to_what_they_say(db: Session, golden: Study) -> None:
    everything = all_texts(db, golden)
    assert len(everything) == 3 * 3 * 36
    for wanted, passes in {
        ("dataset", "fiction"): lambda one: one.dataset == "fiction",
        ("system", "tiny, greedy"): lambda one: one.system == "tiny, greedy",
        ("verdict", "equal"): lambda one: one.verdicts.equal > 0,
        ("verdict", "candidate"): lambda one: one.verdicts.candidate > 0,
        ("consensus", "good"): lambda one: one.consensus is Consensus.GOOD,
        ("consensus", "bad"): lambda one: one.consensus is Consensus.BAD,
        ("consensus", "split"): lambda one: one.consensus is Consensus.SPLIT,
        ("ttr_from", 0.5): lambda one: one.ttr >= 0.5,
        ("ttr_to", 0.5): lambda one: one.ttr <= 0.5,
    }.items():
        expected = [one for one in everything if passes(one)]
        assert 0 < len(expected) < len(everything)
        assert all_texts(db, golden, **dict([wanted])) == expected


def test_the_scenario_decides_verdicts_and_ttr(db: Session, golden: Study) -> None:
    at_128, at_256 = (all_texts(db, golden, scenario=scenario) for scenario in (128, 256))
    assert len(at_128) == len(at_256)
    assert at_128 != at_256


def test_the_pages_go_through_all_texts_once(researcher: Browser) -> None:
    first = researcher.get("/studies/golden/texts").text
    assert first.count("found__text") == PAGE
    (following,) = re.findall(r'href="(\?[^"]+)">On</a>', first)
    second = researcher.get(f"/studies/golden/texts{following.replace('&amp;', '&')}")
    assert second.status_code == 200
    assert "page 2 of 11" in second.text


@pytest.mark.parametrize("query", ["ttr_from=2", "verdict=nobody", "page=0", "colour=red", "scenario=64"])
def test_filters_that_make_no_sense_are_refused(researcher: Browser, query: str) -> None:
    assert researcher.get(f"/studies/golden/texts?{query}").status_code == 422


def test_a_context_shows_every_continuation_with_its_repetitions_marked(researcher: Browser, db: Session) -> None:
    passage = db.scalars(select(Passage).order_by(Passage.id)).first()
    assert passage is not None
    page = researcher.get(f"/studies/golden/texts/{passage.id}").text
    for name in ("original", "tiny, greedy", "tiny, nucleus", "tiny, hyperfitted"):
        assert f'aria-label="{name}"' in page
    # the greedy system says one sentence again and again
    assert "run run--4" in page
    assert passage.context in page
    shorter = researcher.get(f"/studies/golden/texts/{passage.id}?scenario=128").text
    assert "run--beyond" in shorter


def test_a_passage_of_another_study_is_not_found(researcher: Browser, db: Session) -> None:
    other = make_pool(db)
    db.commit()
    theirs = db.scalars(select(Passage.id).where(Passage.study_id == other.id)).first()
    assert researcher.get(f"/studies/golden/texts/{theirs}").status_code == 404
