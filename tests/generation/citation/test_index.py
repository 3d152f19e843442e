"""The citation index against a brute-force reader of the training set, with and without forced hash collisions."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.citation.boundaries import WordBoundaries
from generation.citation.index import CitationCount, CitationIndex
from generation.citation.storage import CitationIndexError, IndexIdentity
from generation.citation.table import build_table
from generation.citation.training_set import TrainingSet
from tests.generation.citation.brute_force import banned_after, followers

NOBODY = IndexIdentity("tokenizer", "training set")


def odd_pairs(left, right):
    """A stand-in for word boundaries that depends on both tokens."""
    return (left + right) % 2 == 1


def index_of(samples, hash_bits=None, is_boundary=odd_pairs):
    return CitationIndex(build_table(TrainingSet.from_samples(samples), is_boundary, hash_bits), NOBODY)


def bans(index, recents):
    """The answer as one set per row."""
    answer = [set() for _ in recents]
    for row, token in zip(*index.banned(np.array(recents).reshape(-1, 5)), strict=True):
        assert token not in answer[row], "each pair comes once"
        answer[row].add(int(token))
    return answer


few_tokens = st.lists(st.lists(st.integers(0, 3), max_size=14), max_size=6)


@settings(deadline=None, max_examples=150)
@given(
    samples=few_tokens,
    others=st.lists(st.lists(st.integers(-1, 4), min_size=5, max_size=5), max_size=20),
    data=st.data(),
)
def test_every_ban_is_one_a_plain_reader_finds(samples, others, data):
    hash_bits = data.draw(st.sampled_from([None, 1, 2, 4, 7]))
    index = index_of(samples, hash_bits)
    recents = others + [sample[at : at + 5] for sample in samples for at in range(len(sample) - 4)]
    expected = [{t for t in followers(samples, r) or () if (r[-1] + t) % 2 == 1} for r in recents]
    assert bans(index, recents) == expected
    found = [row for row, recent in enumerate(recents) if followers(samples, recent) is not None]
    assert index.find(np.array(recents).reshape(-1, 5))[0].tolist() == found


@pytest.mark.parametrize("hash_bits", [None, 1, 3, 6])
def test_real_text_on_both_tokenizer_families_agrees_with_a_plain_reader(tokenizer, samples, hash_bits):
    boundaries = WordBoundaries(tokenizer)
    index = index_of(samples, hash_bits, boundaries.between)
    recents = [sample[at : at + 5] for sample in samples for at in range(len(sample) - 4)]
    answer = bans(index, recents)
    assert answer == [banned_after(tokenizer, samples, recent) for recent in recents]
    assert any(answer)
    assert not all(answer)


def test_a_ban_never_spans_two_samples():
    index = index_of([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]], is_boundary=lambda left, right: left > 0)
    assert bans(index, [[1, 2, 3, 4, 5], [2, 3, 4, 5, 6], [6, 7, 8, 9, 10]]) == [set(), set(), set()]


def test_all_followers_of_a_repeated_run_are_banned():
    index = index_of([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 8, 1, 2, 3, 4, 5, 6]])
    assert bans(index, [[1, 2, 3, 4, 5]]) == [{6, 8}]  # 5 + 6 and 5 + 8 are odd


def test_less_than_five_generated_tokens_ban_nothing():
    index = index_of([[1, 2, 3, 4, 5, 6]])
    assert bans(index, [[-1, 2, 3, 4, 5], [-1, -1, -1, -1, -1]]) == [set(), set()]


@pytest.mark.parametrize("samples", [[], [[]], [[1, 2]], [[1, 2, 3, 4, 5]], [[], [1, 2, 3, 4], []]])
def test_a_training_set_too_short_to_repeat_bans_nothing(samples):
    assert bans(index_of(samples), [[1, 2, 3, 4, 5]]) == [set()]


def test_an_empty_batch_is_answered():
    assert bans(index_of([[1, 2, 3, 4, 5, 6]]), []) == []


def test_matches_and_effective_blocks_are_counted_per_step():
    index = index_of([[1, 2, 3, 4, 5, 6, 7, 8]])
    # The last five tokens before step 5, 6 and 7 are 1-5, 2-6 and 3-7: three matches. Banned then: 6, 7 and 8.
    generated = np.array([1, 2, 3, 4, 5, 6, 7, 9, 9])
    preferred = np.array([0, 0, 0, 0, 0, 6, 0, 8, 0])
    assert index.count(generated, preferred) == CitationCount(matches=3, effective_blocks=2)
    assert index.count(generated) == CitationCount(matches=3, effective_blocks=0)
    assert index.count(generated[:5]) == CitationCount(matches=0, effective_blocks=0)  # no step came after
    assert index.count(generated[:6]) == CitationCount(matches=1, effective_blocks=0)


def test_a_loaded_index_answers_as_the_saved_one(tokenizer, samples, tmp_path):
    training_set = TrainingSet.from_samples(samples)
    boundaries = WordBoundaries(tokenizer)
    built = CitationIndex.build(training_set, boundaries)
    built.save(tmp_path / "index")
    loaded = CitationIndex.load(tmp_path / "index", boundaries.tokenizer_hash, training_set.sha256)
    recents = [sample[at : at + 5] for sample in samples for at in range(len(sample) - 4)]
    assert bans(loaded, recents) == bans(built, recents)
    assert loaded.identity == built.identity
    assert isinstance(loaded.table.keys.base, np.memmap)
    assert [path.name for path in tmp_path.iterdir()] == ["index"]  # nothing half-written stays


def test_an_index_of_another_tokenizer_or_training_set_is_refused(tmp_path):
    index_of([[1, 2, 3, 4, 5, 6]]).save(tmp_path / "index")
    with pytest.raises(CitationIndexError, match="another tokenizer"):
        CitationIndex.load(tmp_path / "index", tokenizer_hash="other")
    with pytest.raises(CitationIndexError, match="another training set"):
        CitationIndex.load(tmp_path / "index", training_set_hash="other")


def test_an_index_is_never_overwritten(tmp_path):
    index = index_of([[1, 2, 3, 4, 5, 6]])
    index.save(tmp_path / "index")
    with pytest.raises(CitationIndexError, match="exists already"):
        index.save(tmp_path / "index")


def test_a_damaged_index_is_refused_with_one_line(tmp_path):
    folder = tmp_path / "index"
    with pytest.raises(CitationIndexError, match="holds no citation index"):
        CitationIndex.load(folder)
    index_of([[1, 2, 3, 4, 5, 6]]).save(folder)
    description = json.loads((folder / "citation_index.json").read_text())
    np.save(folder / "banned.npy", np.array([1, 2, 3], dtype=np.int32))
    with pytest.raises(CitationIndexError, match="does not hold what"):
        CitationIndex.load(folder)
    (folder / "banned.npy").write_bytes(b"cut")
    with pytest.raises(CitationIndexError, match="missing or damaged"):
        CitationIndex.load(folder)
    (folder / "citation_index.json").write_text(json.dumps(description | {"format": 2}))
    with pytest.raises(CitationIndexError, match="format 2"):
        CitationIndex.load(folder)
    (folder / "citation_index.json").write_text("{")
    with pytest.raises(CitationIndexError, match="damaged"):
        CitationIndex.load(folder)


def test_the_identity_of_a_training_set_depends_on_where_samples_begin():
    joined, split = TrainingSet.from_samples([[1, 2, 3, 4]]), TrainingSet.from_samples([[1, 2], [3, 4]])
    assert joined.sha256 != split.sha256
    assert joined.sha256 == TrainingSet.from_samples(np.array([[1, 2, 3, 4]])).sha256


def test_a_training_set_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="lengths sum to 3"):
        TrainingSet(np.zeros(4, dtype=np.int32), np.array([3]))
    with pytest.raises(ValueError, match="negative token id"):
        TrainingSet.from_samples([[1, -1]])
