"""A study with everything: each table and figure is there, and those of metrics equal plain sums over the rows."""

import math
from collections import defaultdict
from statistics import fmean

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Exhibit
from app.analysis.registry import BUILDERS, Findings, findings
from app.domain.studies import reference_tokenizer
from app.domain.training_sets import training_set
from app.models import Checkpoint, Continuation, Dataset, Passage, Score, Study, System
from metrics.bleu import sentence_bleu
from tests.app.conftest import Browser
from tests.golden_metrics import CONTEXT_PREDICTED, add_metrics

# Scores of tasks come from lm-evaluation-harness, which has tests of its own.
DOWNSTREAM = ["table-7", "table-8"]


@pytest.fixture
def found(db: Session, golden: Study) -> Findings:
    add_metrics(db, golden)
    return findings(Evidence(db, golden))


def rows_of(exhibit: Exhibit) -> dict[object, dict[str, object]]:
    keys = [one.key for one in exhibit.columns]
    return {row[0]: dict(zip(keys, row, strict=True)) for row in exhibit.rows}


def test_every_exhibit_is_shown_with_a_picture_and_a_signature(found: Findings, researcher: Browser) -> None:
    assert [one.key for waiting in found.waiting.values() for one in waiting] == DOWNSTREAM
    assert [one.key for one in found.shown if one.draw and one.signatures] == [
        key for key in BUILDERS if key not in DOWNSTREAM
    ]
    assert 'id="waiting"' in researcher.get("/studies/golden/results").text


def test_tables_3_and_6_and_figure_5_left_are_sums_over_the_scores(db: Session, golden: Study, found: Findings) -> None:
    scores = defaultdict(list)
    query = select(Checkpoint.name, Score).join(Checkpoint, Checkpoint.id == Score.checkpoint_id)
    query = query.order_by(Checkpoint.id, Score.passage_id)
    for name, score in db.execute(query.options(undefer(Score.log_probs), undefer(Score.top_ids))):
        scores[name].append(score)
    table_3, table_6 = rows_of(found.find("table-3")), rows_of(found.find("table-6"))
    assert table_3.keys() == scores.keys()
    for name, rows in scores.items():
        contexts = [value for row in rows for value in row.log_probs[:CONTEXT_PREDICTED]]
        # kept as float32
        assert table_3[name]["perplexity"] == pytest.approx(math.exp(-fmean(contexts)), rel=1e-5)
        assert table_3[name]["top1_mass"] == pytest.approx(fmean(row.top1_mass for row in rows))
        assert table_3[name]["entropy"] == pytest.approx(fmean(row.entropy for row in rows))
        row = table_6[name.removeprefix("golden ")]
        assert (row["perplexity"], row["top1_mass"]) == (table_3[name]["perplexity"], table_3[name]["top1_mass"])
    alike = rows_of(found.find("figure-5-left"))
    one, other = list(scores)[:2]
    pairs = zip(scores[one], scores[other], strict=True)
    same = [a[0] == b[0] for first, second in pairs for a, b in zip(first.top_ids, second.top_ids, strict=True)]
    assert alike[one][other] == pytest.approx(fmean(same))


def test_tables_2_and_5_and_figure_3_are_searches_through_every_window(
    db: Session, golden: Study, found: Findings
) -> None:
    reference, training = reference_tokenizer(db, golden), training_set(db, golden)
    assert training is not None
    samples = [reference.encode(text).ids for text in training.texts]
    windows = [sample[at : at + 96] for sample in samples for at in range(max(1, len(sample) - 95))]
    query = (
        select(Passage.context, Continuation.text, Dataset.name)
        .join(Passage, Passage.id == Continuation.passage_id)
        .join(Dataset, Dataset.id == Passage.dataset_id)
        .join(System, System.id == Continuation.system_id)
        .where(System.name == "tiny, nucleus")
    )
    written = [(reference.ids_after(context, text), dataset) for context, text, dataset in db.execute(query)]
    first = [tokens[:96] for tokens, _ in written]
    row = rows_of(found.find("table-2"))["tiny, nucleus"]
    assert row["dataset_bleu_max"] == pytest.approx(max(sentence_bleu(one, two) for one in first for two in windows))
    longest = [_longest(tokens, samples) for tokens in first]
    assert (row["overlap_mean"], row["overlap_max"]) == (pytest.approx(fmean(longest)), max(longest))
    figure = rows_of(found.find("figure-3"))["tiny, nucleus"]
    assert figure["beyond_10"] == pytest.approx(fmean(length > 10 for length in longest))
    shares = [_longest(tokens, samples) > 5 for tokens, dataset in written if dataset == "fiction"]
    assert rows_of(found.find("table-5"))["tiny, nucleus"]["fiction"] == pytest.approx(fmean(shares))


def _longest(tokens: list[int], samples: list[list[int]]) -> int:
    """The longest run that some sample has too: one more token at a time, from every start."""
    runs = {tuple(sample[at : at + n]) for sample in samples for n in (1, 6, 11) for at in range(len(sample) - n + 1)}
    best = 0
    for start in range(len(tokens)):
        while start + best < len(tokens) and _stands(tuple(tokens[start : start + best + 1]), samples, runs):
            best += 1
    return best


def _stands(run: tuple[int, ...], samples: list[list[int]], runs: set[tuple[int, ...]]) -> bool:
    if len(run) in (1, 6, 11):
        return run in runs
    return any(
        tuple(sample[at : at + len(run)]) == run
        for sample in samples
        for at in range(len(sample) - len(run) + 1)
        if sample[at] == run[0]
    )
