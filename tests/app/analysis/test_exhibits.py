"""Tables and figures beyond preference: what they say of known rows, and what while there are none."""

import re
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.analysis.drawing import PICTURE_FORMATS, Appearance, picture, pictures
from app.analysis.evidence import Evidence
from app.analysis.exhibits.chosen_text import figure_4
from app.analysis.exhibits.first_choices import figure_5_left, same_first_choice
from app.analysis.exhibits.instruct import table_6
from app.analysis.exhibits.repetition import figure_9_right, ttr_by_consensus
from app.analysis.exhibits.sharpness import table_3
from app.analysis.registry import findings
from app.domain.protocol import set_contrasts
from app.domain.scores import TopChoices
from app.errors import NotFoundError
from app.models import Checkpoint, HyperfitRun, Passage, ReferenceTokens, Study, System
from app.models.study import StudyState
from metrics.consensus import Consensus
from metrics.ttr import sliding_ttr
from tests.app.conftest import Browser
from tests.factories import make_score


def score_everything(session: Session, *, entropies: tuple[float, ...] = (3.0, 2.0, 1.0)) -> None:
    """Each checkpoint of the golden study reads the first four passages; the tokenizer is the study's."""
    tokenizer = session.scalars(select(ReferenceTokens.sha256).where(ReferenceTokens.name == "tiny")).one()
    passages = list(session.scalars(select(Passage).order_by(Passage.id).limit(4)))
    for nth, checkpoint in enumerate(session.scalars(select(Checkpoint).order_by(Checkpoint.id))):
        for passage in passages:
            make_score(
                session,
                checkpoint,
                passage,
                tokenizer_sha256=tokenizer,
                token_ids=[40, 41, 42, 43],
                entropy=entropies[nth],
                top_ids=[[40 + nth, 1, 2, 3, 4], [50, 1, 2, 3, 4], [51, 1, 2, 3, 4]],
            )
    session.commit()


def test_tables_3_and_6_show_what_was_scored(db: Session, golden: Study) -> None:
    score_everything(db)
    evidence = Evidence(db, golden)
    table = table_3(evidence)
    assert [row[:2] for row in table.rows] == [
        ("golden tiny, greedy", 3.0),
        ("golden tiny, nucleus", 2.0),
        ("golden tiny, hyperfitted", 1.0),
    ]
    assert table.title.startswith("golden tiny, hyperfitted is sharpest: entropy 1.00")
    assert [row[0] for row in table_6(evidence).rows] == ["tiny, greedy", "tiny, nucleus", "tiny, hyperfitted"]
    table_1 = findings(evidence).find("table-1")
    at = [column.key for column in table_1.columns].index("perplexity")
    perplexities = [row[at] for row in table_1.rows[:3]]
    assert perplexities == [score.perplexity for score in evidence.scores.values()]


def test_table_6_holds_a_hyperfitted_checkpoint_against_its_original(db: Session, golden: Study) -> None:
    score_everything(db)
    base, nucleus, hyperfitted = db.scalars(select(System).order_by(System.id))
    db.get_one(Checkpoint, base.checkpoint_id).instruct = True
    db.add(HyperfitRun(checkpoint_id=hyperfitted.checkpoint_id, base_id=base.checkpoint_id, config={}, total_updates=1))
    nucleus.chat_template = True
    db.commit()
    table = table_6(Evidence(db, golden))
    assert [row[1:4] for row in table.rows] == [
        ("instruct", "original", "context"),
        ("base", "original", "chat template"),
        ("instruct", "hyperfitted", "context"),
    ]
    (first, other, last) = (dict(zip((column.key for column in table.columns), row, strict=True)) for row in table.rows)
    assert (first["original"], other["original"], last["original"]) == (None, None, "tiny, greedy")
    assert first["ttr_change"] is None
    assert last["ttr_change"] == pytest.approx(last["ttr"] - first["ttr"])
    assert last["top1_change"] == pytest.approx(0)
    assert last["ttr_128"] != last["ttr"]
    assert table.title == "The TTR rose with hyperfitting in 1 of 1 systems"


def test_figure_4_shows_the_tokens_after_the_context_of_the_chosen_text(db: Session, golden: Study) -> None:
    score_everything(db)
    chosen = db.scalars(select(Passage.id).order_by(Passage.id).offset(2)).first()
    figure = figure_4(Evidence(db, golden, chosen_passage=chosen))
    assert f"passage {chosen}" in figure.signatures[0]
    assert len(figure.columns) == 4
    assert all(isinstance(cell, float) and 0 <= cell <= 1 for row in figure.rows for cell in row[1:])


def test_figure_5_left_is_the_share_of_equal_first_choices(db: Session, golden: Study) -> None:
    score_everything(db)
    figure = figure_5_left(Evidence(db, golden))
    # of three positions, the first differs
    assert figure.rows[0][1:] == (1.0, pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_first_choices_of_other_tokenizers_are_not_compared() -> None:
    choices = [
        TopChoices("a", "x", {1: [1, 2, 3]}),
        TopChoices("b", "x", {1: [2, 3], 2: [9]}),
        TopChoices("c", "y", {1: [1, 2, 3]}),
        TopChoices("d", "x", {7: [1]}),
    ]
    names, matrix = same_first_choice(choices)
    assert names == ["a", "b", "c", "d"]
    # the one that predicts the first token too is compared from the end
    assert matrix[0, 1] == matrix[1, 0] == 1.0
    assert np.isnan(matrix[0, 2])
    assert np.isnan(matrix[0, 3])


def test_without_scores_the_exhibits_say_what_to_do(db: Session, golden: Study) -> None:
    evidence = Evidence(db, golden)
    for exhibit in (table_3(evidence), table_6(evidence), figure_4(evidence), figure_5_left(evidence)):
        assert exhibit.rows == ()
        assert "toprank score" in str(exhibit.missing)


def test_without_contrasts_every_pair_is_compared_and_said_to_be_exploratory(db: Session, golden: Study) -> None:
    table = findings(Evidence(db, golden)).find("comparisons")
    # 3 systems, 2 scenarios
    assert len(table.rows) == 6
    assert table.notes[0].startswith("Exploratory")


def test_only_the_contrasts_of_the_protocol_are_compared(db: Session, golden: Study) -> None:
    golden.state = StudyState.DRAFT
    set_contrasts(db, golden, [("tiny, hyperfitted", "tiny, greedy")])
    golden.state = StudyState.CLOSED
    table = findings(Evidence(db, golden)).find("comparisons")
    assert [row[:3] for row in table.rows] == [("tiny, hyperfitted", "tiny, greedy", one) for one in (128, 256)]
    assert "Holm over 2" in table.signatures[0]
    assert table.notes[0].startswith("Planned")


def test_table_4_says_between_what_the_gap_is_and_how_much_stands_behind_it(db: Session, golden: Study) -> None:
    table = findings(Evidence(db, golden)).find("table-4")
    keys = [column.key for column in table.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in table.rows]
    names = ("wikipedia", "fiction", "speeches")
    ratios = [{name: float(str(row[name])) for name in names} for row in rows]
    gap, row = max(
        zip((max(r.values()) - min(r.values()) for r in ratios), rows, strict=True), key=lambda pair: pair[0]
    )
    found = re.fullmatch(
        r"The dataset matters most for (.+): (\d+) points between (\w+) \(n = (\d+)\) and (\w+) \(n = (\d+)\)",
        table.title,
    )
    assert found is not None
    system, points, best, best_n, worst, worst_n = found.groups()
    assert (system, points) == (row["system"], f"{100 * gap:.0f}")
    assert (int(best_n), int(worst_n)) == (row[f"{best}_n"], row[f"{worst}_n"])


def test_figure_9_left_groups_texts_by_consensus(db: Session, golden: Study) -> None:
    groups = ttr_by_consensus(Evidence(db, golden))
    found = findings(Evidence(db, golden)).find("figure-9-left")
    order = (Consensus.GOOD, Consensus.SPLIT, Consensus.BAD)
    assert [row[:2] for row in found.rows] == [(str(one), len(groups[one])) for one in order]
    # every text that is judged stands in one group: 3 systems x 108 passages x 2 scenarios, without the recalled ones
    recalled = 2 * sum(result.recalled for result in Evidence(db, golden).preferences if result.scenario == 256)
    assert sum(map(len, groups.values())) == 3 * 108 * 2 - recalled


def test_figure_9_right_is_the_mean_of_sliding_ratios(db: Session, golden: Study) -> None:
    evidence = Evidence(db, golden)
    figure = figure_9_right(evidence)
    originals = [sliding_ttr(tokens[32:256]) for tokens in db.scalars(select(Passage.token_ids))]
    assert [row[0] for row in figure.rows] == [*range(96, 224, 16), 224]
    assert [row[-1] for row in figure.rows] == pytest.approx(list(np.mean(originals, axis=0)[::16]))


def test_every_picture_comes_in_every_format_with_its_origin(db: Session, golden: Study) -> None:
    score_everything(db)
    found = findings(Evidence(db, golden))
    drawn = [exhibit for exhibit in found.exhibits if exhibit.draw is not None]
    assert len(drawn) >= 11
    for exhibit in drawn:
        svg = picture(exhibit, found.provenance, Appearance("svg", "dark")).decode()
        assert f"protocol {found.provenance.protocol[:16]}, no look taken" in svg
        assert svg == picture(exhibit, found.provenance, Appearance("svg", "dark")).decode()
    starts = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}
    for file_format in PICTURE_FORMATS:
        content = picture(drawn[0], found.provenance, Appearance(file_format))
        assert content.startswith(starts[file_format])


@pytest.mark.parametrize(
    "title", ["A short title", "A title of so many words that it takes two lines of its own, " * 2]
)
def test_the_title_stands_above_the_legend(db: Session, golden: Study, title: str) -> None:
    found = findings(Evidence(db, golden))
    svg = picture(replace(found.find("table-1"), title=title), found.provenance, Appearance("svg")).decode()
    heights = re.findall(r'(?: y="|translate\([\d.]+ )([\d.]+)[^>]*>[^<]*(?:title|two lines)', svg)
    (legend,) = re.findall(r' y="([\d.]+)"[^>]*>parity<', svg)
    # the letters of the legend are 8 points high
    assert max(map(float, heights)) < float(legend) - 8


def test_what_has_no_picture_says_why(db: Session, golden: Study) -> None:
    found = findings(Evidence(db, golden))
    with pytest.raises(NotFoundError, match="No checkpoint has read the passages yet"):
        picture(found.find("table-3"), found.provenance, Appearance("svg"))


def test_a_browser_that_has_a_picture_is_not_sent_it_again(researcher: Browser, golden: Study) -> None:
    page = researcher.get("/studies/golden/results").text
    (address,) = re.findall(r'<img src="([^"]+table-1.svg[^"]+)"', page)
    first = researcher.get(address.replace("&amp;", "&"))
    assert first.headers["content-type"] == "image/svg+xml"
    again = researcher.get(address.replace("&amp;", "&"), headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_pictures_drawn_once_for_all_formats_are_those_drawn_for_one(db: Session, golden: Study) -> None:
    found = findings(Evidence(db, golden))
    for key in ("table-1", "table-4", "figure-9-left", "agreement"):
        exhibit = found.find(key)
        alone = {one: picture(exhibit, found.provenance, Appearance(one)) for one in PICTURE_FORMATS}
        assert dict(pictures(exhibit, found.provenance)) == alone
    missing = next(exhibit for exhibit in found.exhibits if exhibit.draw is None)
    with pytest.raises(NotFoundError, match="has no picture yet"):
        dict(pictures(missing, found.provenance))
