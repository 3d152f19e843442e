"""Where words end between two tokens, since the citation blocker bans a token only after a whole word.

The definition is `is_word_boundary` on decoded text. `WordBoundaries` gives the same answers for millions of pairs:
in the decoders it knows, what a token adds to the text does not depend on the token before it, but for characters that
span both; only those pairs are decoded.
"""

import hashlib
import json
import re
import unicodedata
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

REPLACEMENT = "\ufffd"  # what a decoder writes for an incomplete UTF-8 sequence
BYTE_TOKEN = re.compile(r"<0x[0-9A-Fa-f]{2}>")
# Scripts written without spaces between words: the ranges hold letters of Thai, Lao, Tibetan, Myanmar, Khmer, Tai,
# Balinese and Javanese, of Chinese and Japanese, and of Yi.
SPACELESS = (
    (0x0E00, 0x0FFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x1950, 0x1AAF),
    (0x1B00, 0x1B7F),
    (0x2E80, 0x312F),
    (0x31A0, 0x4DBF),
    (0x4E00, 0xA4CF),
    (0xA980, 0xA9FF),
    (0xAA60, 0xAADF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFF),
)

Integers: TypeAlias = npt.NDArray[np.integer[Any]]
Flags: TypeAlias = npt.NDArray[np.bool_]


def belongs_to_word(character: str) -> bool:
    """Whether a character, or "" for none, can stand inside a word: a letter or mark, a digit, part of a character."""
    if not character:
        return False
    if any(first <= ord(character) <= last for first, last in SPACELESS):
        return False
    return character == REPLACEMENT or unicodedata.category(character)[0] in "LMN"


def is_word_boundary(before: str, both: str) -> bool:
    """Whether a word ends between two tokens, from the text of the first and the text of the two together.

    The text after the boundary is `both` minus `before`: a token alone can decode to another text than behind
    another token. A boundary inside a UTF-8 character is no word boundary.

    >>> is_word_boundary("cita", "citation"), is_word_boundary("citation", "citation block")
    (False, True)
    """
    if not both.startswith(before):
        return False
    after = both[len(before) :]
    if not after:
        return not before.endswith(REPLACEMENT)
    return not (belongs_to_word(before[-1:]) and belongs_to_word(after[0]))


def hash_tokenizer(tokenizer: Tokenizer) -> str:
    """SHA-256 over what token ids mean: vocabulary, special tokens and decoder; the same after a save and a load."""
    meaning = {
        "vocabulary": sorted(tokenizer.get_vocab(with_added_tokens=True).items(), key=lambda entry: entry[1]),
        "special": sorted(_special_ids(tokenizer)),
        "decoder": _decoder_of(tokenizer),
    }
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


class WordBoundaries:
    """Answers for arrays of pairs what `is_word_boundary` says of each; special tokens stand outside of words."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer_hash = hash_tokenizer(tokenizer)
        self._tokenizer = tokenizer
        self._special = np.array(sorted(_special_ids(tokenizer)), dtype=np.int64)
        self._parts = _decoder_parts(_decoder_of(tokenizer))

    def between(self, left: Integers, right: Integers) -> Flags:
        """True where a word ends between left[i] and right[i]; two arrays of token ids of one length."""
        if not left.size:
            return np.zeros(0, dtype=np.bool_)
        size = int(max(left.max(), right.max())) + 1
        if self._parts is None:
            depends = np.ones(size, dtype=np.bool_)
            inside = np.zeros(left.size, dtype=np.bool_)
        else:
            ends_in_word, depends = self._endings(_distinct(left, size), size)
            inside = ends_in_word[left] & self._beginnings(_distinct(right, size), size)[right]
        special = np.zeros(size, dtype=np.bool_)
        special[self._special[self._special < size]] = True
        boundary: Flags = ~inside
        undecided = np.flatnonzero(depends[left])
        boundary[undecided] = self._decode_pairs(left[undecided], right[undecided])
        boundary |= special[left] | special[right]
        return boundary

    def _endings(self, tokens: Integers, size: int) -> tuple[Flags, Flags]:
        """Per token: its text ends inside a word; what follows may depend on it, so that its pairs must be decoded."""
        ends_in_word, depends = np.zeros((2, size), dtype=np.bool_)
        for token, text in zip(tokens.tolist(), self._decode([[token] for token in tokens.tolist()]), strict=True):
            ends_in_word[token] = belongs_to_word(text[-1:])
            depends[token] = text.endswith(REPLACEMENT) or self._is_byte(token)
        return ends_in_word, depends

    def _beginnings(self, tokens: Integers, size: int) -> Flags:
        """Per token: the text it adds behind another token begins with something that can stand inside a word."""
        anchor = self._anchor()
        length = len(self._tokenizer.decode([anchor], skip_special_tokens=False))
        begins_in_word = np.zeros(size, dtype=np.bool_)
        texts = self._decode([[anchor, token] for token in tokens.tolist()])
        for token, text in zip(tokens.tolist(), texts, strict=True):
            begins_in_word[token] = belongs_to_word(text[length : length + 1])
        return begins_in_word

    def _anchor(self) -> int:
        """A token that every other can follow without a change of either's text: plain, with complete characters."""
        special = set(self._special.tolist())
        for token in range(self._tokenizer.get_vocab_size(with_added_tokens=False)):
            if token in special:
                continue
            text = self._tokenizer.decode([token], skip_special_tokens=False)
            if text.strip() and not text.endswith(REPLACEMENT) and not self._is_byte(token):
                return token
        raise ValueError("No token of this tokenizer decodes to text; it cannot be the tokenizer of a training set.")

    def _is_byte(self, token: int) -> bool:
        name = self._tokenizer.id_to_token(token)
        return name is not None and "ByteFallback" in (self._parts or ()) and BYTE_TOKEN.fullmatch(name) is not None

    def _decode(self, sequences: list[list[int]]) -> list[str]:
        texts: list[str] = self._tokenizer.decode_batch(sequences, skip_special_tokens=False)
        return texts

    def _decode_pairs(self, left: Integers, right: Integers) -> Flags:
        """The definition itself, once for each distinct pair."""
        pairs, index = np.unique(left.astype(np.int64) << 32 | right, return_inverse=True)
        first, second = (pairs >> 32).tolist(), (pairs & 0xFFFFFFFF).tolist()
        heads = dict(zip(set(first), self._decode([[token] for token in set(first)]), strict=True))
        texts = self._decode([list(pair) for pair in zip(first, second, strict=True)])
        verdicts = [is_word_boundary(heads[token], both) for token, both in zip(first, texts, strict=True)]
        answers: Flags = np.array(verdicts, dtype=np.bool_)[index]
        return answers


def _distinct(tokens: Integers, size: int) -> Integers:
    """The distinct tokens, ascending; a table of flags, since sorting 50 million tokens takes seconds."""
    seen = np.zeros(size, dtype=np.bool_)
    seen[tokens] = True
    return np.flatnonzero(seen)


def _special_ids(tokenizer: Tokenizer) -> set[int]:
    return {token for token, added in tokenizer.get_added_tokens_decoder().items() if added.special}


def _decoder_of(tokenizer: Tokenizer) -> Any:
    decoder = tokenizer.decoder
    return None if decoder is None else json.loads(decoder.__getstate__())


def _decoder_parts(decoder: Any) -> tuple[str, ...] | None:
    """Names of the decoder's parts if it is one for which the analysis in docs/decisions holds, else None.

    Byte-level: bytes are concatenated, then read as UTF-8. SentencePiece: the space mark is replaced, runs of byte
    tokens are read as UTF-8, all is joined, and one leading space of the whole is dropped.
    """
    if decoder is None:
        return None
    steps = decoder["decoders"] if decoder["type"] == "Sequence" else [decoder]
    names = tuple(step["type"] for step in steps)
    if names in {("ByteLevel",), ("Metaspace",)}:
        return names
    if names[:3] != ("Replace", "ByteFallback", "Fuse") or names[3:] not in {(), ("Strip",)}:
        return None
    marks_spaces = steps[0]["pattern"] == {"String": "▁"} and steps[0]["content"] == " "
    strips_one = names[3:] == () or (steps[3]["content"], steps[3]["start"], steps[3]["stop"]) == (" ", 1, 0)
    return names if marks_spaces and strips_one else None
