"""Runs of tokens that stood in a text before, and the pieces that a page marks."""

import random

import pytest

from app.analysis.marked_text import Overlap, marked
from app.analysis.repetition import level, repeated_runs
from app.domain.reference_tokens import ReferenceTokenizer
from tests.tiny_model import tiny_tokenizer_json


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([], []),
        ([1], [0]),
        ([1, 2, 3], [0, 0, 0]),
        # 1 again, then 1 2 again, then 1 2 3 again
        ([1, 2, 3, 1, 2, 3], [0, 0, 0, 1, 2, 3]),
        # a loop of one token: each run is one longer
        ([7, 7, 7, 7], [0, 1, 2, 3]),
        # 2 3 stood before, but not after a 9
        ([1, 2, 3, 9, 2, 3], [0, 0, 0, 0, 1, 2]),
    ],
)
def test_a_run_is_the_longest_that_stood_before(tokens: list[int], expected: list[int]) -> None:
    assert repeated_runs(tokens) == expected


def test_runs_equal_a_search_through_all_earlier_runs() -> None:
    draw = random.Random(3)
    for _ in range(30):
        tokens = [draw.randrange(3) for _ in range(25)]
        expected = [
            max(
                (
                    size
                    for size in range(1, at + 1)
                    if any(tokens[end - size : end] == tokens[at - size + 1 : at + 1] for end in range(size, at + 1))
                ),
                default=0,
            )
            for at in range(len(tokens))
        ]
        assert repeated_runs(tokens) == expected


def test_levels_rise_with_the_run() -> None:
    assert [level(run) for run in (0, 1, 2, 3, 4, 7, 8, 200)] == [0, 1, 2, 2, 3, 3, 4, 4]


def test_the_pieces_are_the_whole_text_and_cut_where_the_scenario_ends() -> None:
    reference = ReferenceTokenizer(tiny_tokenizer_json())
    context, text = "The old house", " stood at the end of the lane. It stood at the end – café."
    pieces = marked(reference, context, text, shown_tokens=5)
    assert "".join(piece.text for piece in pieces) == text
    shown = "".join(piece.text for piece in pieces if piece.is_shown)
    assert reference.count(context, shown) == 5
    assert max(piece.level for piece in pieces) >= 3


def test_an_overlap_is_marked_on_the_tokens_inside_it() -> None:
    reference = ReferenceTokenizer(tiny_tokenizer_json())
    text = " stood at the end of the lane."
    overlap = Overlap(start=0, stop=len(" stood at"), tokens=2, before="", text=" stood at", after=" the")
    pieces = marked(reference, "The old house", text, shown_tokens=99, overlap=overlap)
    assert "".join(piece.text for piece in pieces if piece.is_overlap) == " stood at"
