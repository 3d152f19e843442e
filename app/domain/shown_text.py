"""What people see of a text: the same normaliser for both sides, so that form does not give the machine away.

Quotation marks, dashes, line breaks and the spacing of tokenised corpora differ between sources and models, and say
nothing about how good a continuation is. Full texts are kept elsewhere.
"""

import re
import unicodedata

_PLAIN = str.maketrans(
    {
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u2018": "'",
        "\u2019": "'",
        "\u2026": "...",
        "\u2013": "-",
        "\u00ad": None,
        "\u200b": None,
        "\ufffd": None,
        "\ufeff": None,
    }
)
_JOINED = re.compile(r" @([-,.])@ ")
_SPACE_BEFORE = re.compile(r" +([,.;:!?%)\]])(?=\s|$)")
_SPACE_AFTER = re.compile(r"(?<=[(\[]) +")
_DASHES = re.compile(r" ?(?:--+|\u2014) ?")
_WORD_AT_END = re.compile(r"\s+\S*\w$")


def normalised(text: str) -> str:
    """The text with plain quotation marks, one kind of dash, no tokenisation artefacts and single spaces.

    >>> normalised("It was\\n\\n a mid @-@ sized  house , he said .")
    'It was a mid-sized house, he said.'
    """
    text = unicodedata.normalize("NFC", text.translate(_PLAIN))
    text = _JOINED.sub(r"\1", " ".join(text.split()))
    text = _SPACE_AFTER.sub("", _SPACE_BEFORE.sub(r"\1", text))
    return _DASHES.sub("\u2014", text).strip()


def shown(text: str) -> str:
    """What stands on the page: normalised, and cut at the last whole word.

    A text that is cut by tokens may end inside a word, and nothing tells whether it did: a last word that no
    punctuation closes is left out on both sides alike.

    >>> shown(" and went home. Then she ca")
    'and went home. Then she'
    """
    text = normalised(text)
    return _WORD_AT_END.sub("", text) if " " in text else text
