"""Lengths in a study's reference tokens: 256 make a passage, the first 32 its context, the other 224 its original.

Only the `tokenizers` package is needed. Cuts fall between characters, so the texts of both parts join to the passage's.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tokenizers import Encoding, Tokenizer

from app.domain.images import Palette, palette_of, tokens_of_text
from app.errors import ToprankError

PASSAGE_TOKENS = 256
CONTEXT_TOKENS = 32
CONTINUATION_TOKENS = PASSAGE_TOKENS - CONTEXT_TOKENS
APOSTROPHES = "'\u2019"
# Scripts that write no spaces: there, every character may end a word.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
_SENTENCE_END = re.compile(r"[.!?][\"\u201d\u2019')\]]*\s+")


class TokenizerError(ToprankError):
    """The tokenizer.json cannot be read; take the one that stands beside a checkpoint's weights."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class TextTooShortError(ToprankError):
    """A text has fewer tokens than a passage needs."""

    def __init__(self, tokens: int) -> None:
        super().__init__(f"The text has {tokens} reference tokens; a passage needs {PASSAGE_TOKENS}.")
        self.tokens = tokens


class NoCutError(ToprankError):
    """No sentence of the text can begin a passage: each time, the context would end inside a word."""

    def __init__(self) -> None:
        super().__init__("Wherever a passage begins in this text, its context would end inside a word or character.")


@dataclass(frozen=True)
class Cut:
    """A passage: 256 token ids, or those of an image, and the two texts that join to the passage's text."""

    token_ids: list[int]
    context: str
    original: str
    width: int | None = None

    @property
    def text(self) -> str:
        """The whole passage."""
        return self.context + self.original


@dataclass(frozen=True)
class ReferenceTokenizer:
    """A tokenizer.json as a study keeps it."""

    tokenizer_json: bytes

    @cached_property
    def sha256(self) -> str:
        """Names the tokenizer: two studies with the same hash count alike."""
        return hashlib.sha256(self.tokenizer_json).hexdigest()

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        try:
            return Tokenizer.from_buffer(self.tokenizer_json)
        except ValueError as error:
            raise TokenizerError from error

    @cached_property
    def palette(self) -> Palette | None:
        """The palette that its tokens are colours of; None where they are of texts."""
        return palette_of(self.tokenizer_json)

    def check(self) -> "ReferenceTokenizer":
        """This tokenizer, once it is known to work. Raises TokenizerError."""
        _ = self._tokenizer
        return self

    def encode(self, text: str) -> Encoding:
        """Ids and character offsets, without special tokens."""
        return self._tokenizer.encode(text, add_special_tokens=False)

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of these ids; bytes that make no character become U+FFFD."""
        return self._tokenizer.decode(list(token_ids), skip_special_tokens=False)

    def cut(self, text: str) -> Cut:
        """The first 256 tokens of the text, or of a later sentence where that lets the context end between words.

        Of an image, all of it. Raises TextTooShortError, or NoCutError when no beginning works.
        """
        if self.palette is not None:
            return _cut_image(text, self.palette)
        text = text.strip()
        tokens = len(self.encode(text).ids)
        if tokens < PASSAGE_TOKENS:
            raise TextTooShortError(tokens)
        for start in sentence_starts(text):
            try:
                return self.cut_at(text, start)
            except TextTooShortError:
                break
            except NoCutError:
                continue
        raise NoCutError

    def cut_at(self, text: str, start: int) -> Cut:
        """256 tokens from this character on, and from no other. Raises TextTooShortError, NoCutError."""
        encoding = self.encode(text[start:])
        if len(encoding.ids) < PASSAGE_TOKENS:
            raise TextTooShortError(len(encoding.ids))
        cut = _cut_at_start(text[start:], encoding)
        if cut is None:
            raise NoCutError
        return cut

    def clip(self, context: str, continuation: str, tokens: int) -> str:
        """The continuation's first `tokens` reference tokens, counted as they stand after their context."""
        text = context + continuation
        ends = [end for _, end in self.encode(text).offsets if end > len(context)]
        return text[len(context) : ends[tokens - 1]] if len(ends) > tokens else continuation

    def count(self, context: str, continuation: str) -> int:
        """How many reference tokens the continuation has after its context."""
        return len(self.ids_after(context, continuation))

    def ids_after(self, context: str, continuation: str) -> list[int]:
        """The reference ids of the continuation as it stands after its context."""
        encoding = self.encode(context + continuation)
        return [token for token, (_, end) in zip(encoding.ids, encoding.offsets, strict=True) if end > len(context)]

    def text_after(self, context_ids: Sequence[int], continuation_ids: Sequence[int]) -> str:
        """The text that these ids add to their context's; a character cut in half at the end is left out."""
        context = self.decode(context_ids)
        return self.decode([*context_ids, *continuation_ids])[len(context) :].rstrip("\ufffd")


def is_inside_word(text: str, position: int) -> bool:
    """Whether a cut before `position` would part a word: letters, digits and marks stand on both sides.

    >>> is_inside_word("no wonder", 4), is_inside_word("no wonder", 2)
    (True, False)
    """
    if not 0 < position < len(text):
        return False
    before, after = text[position - 1], text[position]
    if after in APOSTROPHES or before in APOSTROPHES:
        around = text[position - 2 : position - 1] + text[position + 1 : position + 2]
        return (before.isalnum() or after.isalnum()) and len(around) > 0 and _is_apostrophe_inside(text, position)
    if unicodedata.category(after).startswith("M"):
        return True
    return _is_word_character(before) and _is_word_character(after)


def _is_apostrophe_inside(text: str, position: int) -> bool:
    at = position if text[position] in APOSTROPHES else position - 1
    return text[at - 1 : at].isalnum() and text[at + 1 : at + 2].isalnum()


def _is_word_character(character: str) -> bool:
    is_unspaced = unicodedata.name(character, "").startswith(UNSPACED)
    return (character.isalnum() or unicodedata.category(character).startswith("M")) and not is_unspaced


def sentence_starts(text: str) -> Iterator[int]:
    """Where a passage may begin: at the text's first character, and at each sentence after it."""
    yield 0
    for sentence_end in _SENTENCE_END.finditer(text):
        yield sentence_end.end()


def _cut_at_start(text: str, encoding: Encoding) -> Cut | None:
    offsets = encoding.offsets
    context_end, end = offsets[CONTEXT_TOKENS - 1][1], offsets[PASSAGE_TOKENS - 1][1]
    if context_end > offsets[CONTEXT_TOKENS][0] or is_inside_word(text, context_end):
        return None
    if len(offsets) > PASSAGE_TOKENS and end > offsets[PASSAGE_TOKENS][0]:
        return None
    return Cut(encoding.ids[:PASSAGE_TOKENS], text[:context_end], text[context_end:end])


def _cut_image(text: str, palette: Palette) -> Cut:
    tokens = tokens_of_text(text)
    if len(tokens) != palette.pixels:
        raise TextTooShortError(len(tokens))
    at = palette.prompt_pixels
    return Cut(tokens, text[:at], text[at:], palette.width)
