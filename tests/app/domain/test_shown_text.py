"""Both sides pass the same normaliser, so that form does not give the machine away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.shown_text import normalised, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It was \u201cgood\u201d, she said\u2026", 'It was "good", she said...'),
        ("It\u2019s ( very ) good , is it ?", "It's (very) good, is it?"),
        ("mid @-@ sized , 1 @,@ 000 @.@ 5", "mid-sized, 1,000.5"),
        ("one -- two \u2014 three--four", "one\u2014two\u2014three\u2014four"),
        ("a\u200bb\ufeffc\u00add\ufffd", "abcd"),
        ("  two\n\n lines\t here ", "two lines here"),
        ("e\u0301", "\u00e9"),
        ("e\u200b\u0301", "\u00e9"),
        ("", ""),
    ],
)
def test_what_differs_only_in_form_becomes_the_same(text: str, expected: str) -> None:
    assert normalised(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" and went home. Then she ca", "and went home. Then she"),
        ("and went home.", "and went home."),
        ("alone", "alone"),
        ("", ""),
    ],
)
def test_the_last_word_stays_only_where_it_is_closed(text: str, expected: str) -> None:
    assert shown(text) == expected


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once
