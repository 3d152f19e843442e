import numpy as np
import pytest

from metrics.token_texts import TokenTexts


def test_texts_stand_end_to_end():
    texts = TokenTexts.of([[5, 6], [], [7]])
    assert texts.tokens.tolist() == [5, 6, 7]
    assert texts.lengths.tolist() == [2, 0, 1]
    assert texts.offsets.tolist() == [0, 2, 2, 3]
    assert len(texts) == 3


def test_arrays_lists_and_packed_texts_are_the_same():
    rows = np.array([[1, 2], [3, 4]])
    packed = TokenTexts.of(rows)
    assert packed.tokens.tolist() == TokenTexts.of(rows.tolist()).tokens.tolist()
    assert TokenTexts.of(packed).tokens is packed.tokens
    assert len(TokenTexts.of([])) == 0


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([[1.0, 2.0]], "whole numbers"),
        ([[float("nan")]], "whole numbers"),
        ([["a"]], "whole numbers"),
        ([[True]], "whole numbers"),
        ([[-1]], "negative"),
        ([[2**31]], "end at 2147483647"),
        ([[[1]]], "sequence of token ids"),
        ([3], "sequence of token ids"),
    ],
)
def test_what_is_no_token_id_is_an_error(texts, message):
    with pytest.raises(ValueError, match=message):
        TokenTexts.of(texts)


def test_lengths_have_to_cover_the_tokens():
    for lengths in ([1], [4, -1]):
        with pytest.raises(ValueError, match="lengths sum to"):
            TokenTexts(np.zeros(2, dtype=np.int32), np.array(lengths))
