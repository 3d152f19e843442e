"""From texts to sequences."""

from dataclasses import replace

import numpy as np
import pytest

from hyperfitting.data import Document, TooFewSequencesError, choose, cut, data_sha256
from tests.hyperfitting.conftest import SMALL, make_documents


class Beginning:
    """A tokenizer of one token per letter that puts token 1 before every text."""

    def parts(self, texts):
        return [([1], [ord(letter) for letter in text]) for text in texts]


def test_a_text_is_cut_into_consecutive_sequences_and_the_rest_is_dropped(tokens):
    documents = [Document("a" * 70), Document("b" * 5)]

    rows, owners = cut(documents, tokens, 16)

    body = tokens.parts(["a" * 70])[0][1]
    assert rows.tolist() == [body[start : start + 16] for start in range(0, len(body) - 15, 16)]
    assert set(owners.tolist()) == {0}


def test_each_sequence_begins_with_what_the_tokenizer_puts_before_a_text():
    rows, owners = cut([Document("abcdefg"), Document("xyz")], Beginning(), 4)

    # three letters fit behind the beginning; "g" is left over
    assert rows.tolist() == [[1, *map(ord, "abc")], [1, *map(ord, "def")], [1, *map(ord, "xyz")]]
    assert owners.tolist() == [0, 0, 1]


def test_held_out_sequences_come_from_documents_that_give_none_to_train_on(tokens):
    documents = make_documents(30)

    chosen = choose(documents, tokens, SMALL)

    windows, owners = cut(documents, tokens, SMALL.length)
    owner_of = {row.tobytes(): owner for row, owner in zip(windows, owners.tolist(), strict=True)}
    trained = {owner_of[row.tobytes()] for row in chosen.training}
    held_out = {owner_of[row.tobytes()] for row in chosen.validation}
    assert chosen.training.shape == (16, 32)
    assert chosen.validation.shape == (4, 32)
    assert not trained & held_out


def test_the_seed_decides_what_is_chosen(tokens):
    documents = make_documents(30)

    once, again = choose(documents, tokens, SMALL), choose(documents, tokens, SMALL)
    other = choose(documents, tokens, replace(SMALL, seed=2))

    assert np.array_equal(once.training, again.training)
    assert not np.array_equal(once.training, other.training)


def test_more_samples_contain_the_fewer(tokens):
    documents = make_documents(30)

    few, more = choose(documents, tokens, SMALL), choose(documents, tokens, replace(SMALL, samples=24))

    assert np.array_equal(few.training, more.training[:16])


def test_too_few_sequences_say_how_many_there_are_and_what_would_work(tokens):
    with pytest.raises(TooFewSequencesError, match=r"3 texts give \d+ sequences of 32 tokens; 16 .* Use --samples \d+"):
        choose(make_documents(3), tokens, SMALL)


def test_texts_that_are_all_too_short_say_how_long_the_longest_is(tokens):
    with pytest.raises(TooFewSequencesError, match=r"give 0 sequences .* The longest text has 2 tokens"):
        choose([Document("zq"), Document("z")], tokens, SMALL)


def test_one_document_leaves_nothing_to_validate_on(tokens):
    with pytest.raises(TooFewSequencesError, match="Lower --samples, so that a whole text is left"):
        choose(make_documents(1, words=3000), tokens, SMALL)


def test_the_datas_identity_depends_on_texts_and_order():
    one, two = Document("one"), Document("two", "somewhere")

    assert data_sha256([one, two]) == data_sha256([one, Document("two", "elsewhere")])
    assert data_sha256([one, two]) != data_sha256([two, one])
