"""Cutting texts by tokens, never inside a word, with parts that join to the whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.reference_tokens import (
    CONTEXT_TOKENS,
    PASSAGE_TOKENS,
    NoCutError,
    ReferenceTokenizer,
    TextTooShortError,
    TokenizerError,
    is_inside_word,
)
from tests.generation.pool import REFERENCE
from tests.tiny_model import sample_text


@given(st.integers(0, 200), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_a_cut_is_256_tokens_and_its_texts_join(number: int, dropped: int) -> None:
    text = sample_text(number)[dropped:]
    cut = REFERENCE.cut(text)
    assert len(cut.token_ids) == PASSAGE_TOKENS
    assert cut.text in text
    assert REFERENCE.encode(cut.context).ids == cut.token_ids[:CONTEXT_TOKENS]
    assert not is_inside_word(cut.text, len(cut.context))


def test_one_token_decides() -> None:
    text = sample_text(0)
    ends = [end for _, end in REFERENCE.encode(text).offsets]
    long_enough = text[: ends[PASSAGE_TOKENS - 1]]
    assert REFERENCE.cut(long_enough).text == long_enough
    with pytest.raises(TextTooShortError, match="has 255 reference tokens; a passage needs 256"):
        REFERENCE.cut(text[: ends[PASSAGE_TOKENS - 2]])


def test_a_later_sentence_begins_the_passage_where_the_first_would_part_a_word() -> None:
    # the first sentence is one word of far more than 32 tokens
    text = "Q" * 60 + ". " + sample_text(1)
    assert REFERENCE.cut(text).context.startswith("Chapter 1.")


def test_no_beginning_works() -> None:
    with pytest.raises(NoCutError):
        REFERENCE.cut("x" * 600)


def test_clipping_counts_tokens_as_they_stand_after_the_context() -> None:
    cut = REFERENCE.cut(sample_text(2))
    clipped = REFERENCE.clip(cut.context, cut.original, 96)
    assert cut.original.startswith(clipped)
    assert REFERENCE.count(cut.context, clipped) == 96
    assert REFERENCE.clip(cut.context, " short", 96) == " short"


def test_a_character_that_is_cut_in_half_is_left_out() -> None:
    ids = REFERENCE.encode("é").ids
    assert REFERENCE.text_after(REFERENCE.encode("caf").ids, ids) == "é"
    assert REFERENCE.text_after(REFERENCE.encode("caf").ids, ids[:-1]) == ""


@pytest.mark.parametrize(
    ("before", "after", "is_inside"),
    [
        ("no ", "wonder", False),
        ("won", "der", True),
        ("end", ".", False),
        ("end", "", False),
        ("", "start", False),
        ("don", "'t", True),
        ("don'", "t", True),
        ("dogs", "' tails", False),
        ("1", "2", True),
        ("cafe", "\u0301s", True),  # a mark belongs to the letter before it
        ("東", "京", False),  # written without spaces: every character may end a word
        ("-", "word", False),
    ],
)
def test_what_is_inside_a_word(before: str, after: str, is_inside: bool) -> None:
    assert is_inside_word(before + after, len(before)) is is_inside


def test_a_file_that_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(TokenizerError, match="stands beside a checkpoint's weights"):
        ReferenceTokenizer(b"{}").check()
