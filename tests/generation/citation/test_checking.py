"""An index of a stranger's is used only if building it could have given every number of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from generation.citation.boundaries import WordBoundaries
from generation.citation.checking import check_index
from generation.citation.index import CitationIndex
from generation.citation.storage import CitationIndexError
from generation.citation.training_set import TrainingSet
from tests.tiny_model import VOCABULARY, tiny_tokenizer_json


@pytest.fixture(scope="module")
def index() -> CitationIndex:
    """A small one of our own."""
    boundaries = WordBoundaries(Tokenizer.from_buffer(tiny_tokenizer_json()))
    samples = TrainingSet.from_samples([list(range(5, 60)), list(range(20, 90)), [7] * 30])
    return CitationIndex.build(samples, boundaries)


def changed(values: Any, at: int, value: int) -> Any:
    copy = values.copy()
    copy[at] = value
    return copy


def test_one_of_our_own_is_sound(index: CitationIndex) -> None:
    check_index(index, vocabulary=VOCABULARY)
    nothing = CitationIndex.build(
        TrainingSet.from_samples([[1, 2]]), WordBoundaries(Tokenizer.from_buffer(tiny_tokenizer_json()))
    )
    check_index(nothing, vocabulary=VOCABULARY)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda table: {"banned": changed(table.banned, 0, VOCABULARY)}, "bans what is no token"),
        (lambda table: {"banned": changed(table.banned, 0, -1)}, "bans what is no token"),
        (lambda table: {"offsets": changed(table.offsets, -1, 10**6)}, "offsets lead outside"),
        (lambda table: {"offsets": changed(table.offsets, 0, -1)}, "offsets lead outside"),
        (lambda table: {"offsets": changed(table.offsets, 1, 10**6)}, "offsets lead outside"),
        (lambda table: {"offsets": table.offsets[:-1]}, "offsets lead outside"),
        (lambda table: {"keys": changed(table.keys, -1, 0)}, "keys do not end"),
        (lambda table: {"keys": changed(table.keys, 0, table.keys[0] + 1)}, "not those of its tokens"),
        (lambda table: {"keys": changed(table.keys, 0, table.keys[1])}, "not those of its tokens"),
        (lambda table: {"keys": changed(table.keys, 0, table.keys[0] | (table.span - 1))}, "not those of its tokens"),
        (lambda table: {"directory": table.directory[::-1].copy()}, "not those of its tokens"),
        (lambda table: {"tokens": table.tokens[::-1].copy()}, "not those of its tokens"),
    ],
)
def test_one_that_points_outside_of_itself_is_refused(index: CitationIndex, spoil: Any, reason: str) -> None:
    spoilt = CitationIndex(replace(index.table, **spoil(index.table)), index.identity)
    with pytest.raises(CitationIndexError, match=reason):
        check_index(spoilt, vocabulary=VOCABULARY)


@pytest.mark.parametrize(("hash_bits", "position_bits"), [(0, 8), (60, 8)])
def test_bits_that_no_key_has_are_refused(index: CitationIndex, hash_bits: int, position_bits: int) -> None:
    spoilt = CitationIndex(index.table, index.identity)
    spoilt.table = replace(index.table, hash_bits=hash_bits, position_bits=position_bits)
    with pytest.raises(CitationIndexError, match="bits"):
        check_index(spoilt, vocabulary=VOCABULARY)


def test_keys_out_of_order_are_refused(index: CitationIndex) -> None:
    keys = index.table.keys.copy()
    keys[[0, 1]] = keys[[1, 0]]
    with pytest.raises(CitationIndexError, match="not those"):
        check_index(CitationIndex(replace(index.table, keys=keys), index.identity), vocabulary=VOCABULARY)
    assert np.array_equal(np.sort(keys), index.table.keys)
