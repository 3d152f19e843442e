"""Word boundaries between tokens: the definition, and the fast answer that must equal it for every pair."""

import itertools

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders

from generation.citation.boundaries import WordBoundaries, hash_tokenizer, is_word_boundary
from tests.generation.citation.brute_force import is_boundary


@pytest.mark.parametrize(
    ("before", "both", "expected"),
    [
        ("har", "harpoon", False),  # r|p: two letters
        ("oil", "oil in", True),  # l| : a space begins the next word
        ("don", "don't", True),  # n|': an apostrophe is no letter
        ("it'", "it's", True),  # '|s
        ("18", "1851", False),  # 8|5: two digits
        ("v", "v2", False),  # a letter and a digit
        ("a_", "a_b", True),  # an underscore is no letter
        ("प", "पि", False),  # a letter and its vowel sign
        ("中", "中文", True),  # Chinese has no spaces
        ("ไทย", "ไทยไม่", True),  # nor has Thai
        ("かな", "かなx", True),  # one such letter is enough
        ("한", "한국", False),  # Korean has spaces
        ("\ufffd", "中", False),  # a character spans the boundary
        ("a\ufffd", "a\ufffd", False),  # so it does where nothing can be read yet
        ("a", "a\ufffd", False),  # the next character is incomplete: it may be a letter
        (".", ".\ufffd", True),  # behind a full stop no word goes on
        ("\ufffd", "\ufffd the", True),  # nor does it before a space
        ("", "the", True),  # SentencePiece's lone space mark decodes to nothing
    ],
)
def test_a_word_ends_where_no_letters_or_digits_meet(before, both, expected):
    assert is_word_boundary(before, both) is expected


def test_every_pair_of_the_vocabulary_agrees_with_the_definition(tokenizer):
    vocabulary = range(tokenizer.get_vocab_size())
    left, right = np.array(list(itertools.product(vocabulary, vocabulary))).T
    rng = np.random.default_rng(0)
    chosen = rng.choice(left.size, 60_000, replace=False)
    answers = WordBoundaries(tokenizer).between(left, right)
    for at in chosen:
        assert answers[at] == is_boundary(tokenizer, int(left[at]), int(right[at])), (left[at], right[at])


def test_the_fast_answers_are_not_all_decoded(tokenizer, monkeypatch):
    boundaries = WordBoundaries(tokenizer)
    decoded = []
    literal = boundaries._decode_pairs
    monkeypatch.setattr(
        boundaries, "_decode_pairs", lambda left, right: decoded.append(left.size) or literal(left, right)
    )
    ids = np.array(tokenizer.encode("the captain answered and the boat").ids)
    boundaries.between(ids[:-1], ids[1:])
    assert sum(decoded) == 0  # plain ASCII: no character spans two tokens


@pytest.mark.parametrize(
    "decoder",
    [
        decoders.Metaspace(),
        decoders.WordPiece(prefix="##"),
        decoders.BPEDecoder(),
        decoders.Sequence([decoders.Fuse(), decoders.Replace("▁", " ")]),
        None,
    ],
    ids=["metaspace", "wordpiece", "bpe", "unknown sequence", "none"],
)
def test_other_decoders_give_the_same_answers(tokenizer, decoder):
    other = Tokenizer.from_str(tokenizer.to_str())
    if decoder is not None:
        other.decoder = decoder
    rng = np.random.default_rng(1)
    left, right = rng.integers(0, other.get_vocab_size(), (2, 4000))
    expected = [is_boundary(other, int(a), int(b)) for a, b in zip(left, right, strict=True)]
    assert WordBoundaries(other).between(left, right).tolist() == expected


def test_the_current_word_is_completed_on_both_families(tokenizer):
    ids = tokenizer.encode("The harpooneer's boat").ids
    answers = WordBoundaries(tokenizer).between(np.array(ids[:-1]), np.array(ids[1:]))
    # A boundary stands before each space and each apostrophe's side, and nowhere inside "harpooneer" or "boat".
    texts = [tokenizer.decode(ids[: n + 1]) for n in range(len(ids))]
    expected = [not (text[-1:].isalnum() and after[len(text)].isalnum()) for text, after in itertools.pairwise(texts)]
    assert answers.tolist() == expected
    assert answers.any()
    assert not answers.all()


def test_no_pairs_have_no_answers(tokenizer):
    nothing = np.zeros(0, dtype=np.int64)
    assert WordBoundaries(tokenizer).between(nothing, nothing).size == 0


def test_the_hash_survives_a_save_and_tells_tokenizers_apart(tokenizer, tmp_path):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    again = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert hash_tokenizer(again) == hash_tokenizer(tokenizer)
    again.add_tokens(["another"])
    assert hash_tokenizer(again) != hash_tokenizer(tokenizer)
