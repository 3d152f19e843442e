"""What may not be learnt by heart."""

from app.domain.images import text_of_tokens
from hyperfitting.data import Document
from hyperfitting.overlap import overlapping

THIRTEEN = "one two three four five six seven eight nine ten eleven twelve thirteen"
TWELVE = "one two three four five six seven eight nine ten eleven twelve"


def test_thirteen_words_in_a_row_are_an_overlap_and_twelve_are_none():
    documents = [Document(f"so {THIRTEEN} then"), Document(f"so {TWELVE} then")]

    assert overlapping(documents, [Document(f"but {THIRTEEN} and")]) == [0]


def test_spelling_and_punctuation_do_not_hide_an_overlap():
    shouted = THIRTEEN.upper().replace(" ", ", ")

    assert overlapping([Document(shouted)], [Document(THIRTEEN)]) == [0]


def test_the_same_source_is_an_overlap_whatever_the_words():
    documents = [Document("nothing alike", "Wikipedia: Dada"), Document("nothing alike", None)]

    assert overlapping(documents, [Document(THIRTEEN, "Wikipedia: Dada"), Document(TWELVE)]) == [0]


def test_a_text_shorter_than_thirteen_words_overlaps_with_nothing():
    assert overlapping([Document("one two")], [Document("one two")]) == []


def test_an_image_overlaps_with_itself_alone():
    first, second = text_of_tokens([3, 1, 2]), text_of_tokens([3, 1, 4])

    assert overlapping([Document(first), Document(second)], [Document(second)]) == [1]
