"""Images as texts: a visual token is a character, so that all that is done with texts is done with images too.

A palette is a list of colours, and a pixel the number of its colour. The tokenizer.json of an image model has a
character of Unicode's private area for each of them, and names width and colours in the special token that begins an
image; a study or checkpoint that has such a tokenizer is about images, and two of them are alike when theirs are.
"""

import base64
import json
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors

from app.errors import ToprankError

FIRST_CHARACTER = 0xE000
MOST_COLOURS = 4096
SMALLEST, LARGEST = 4, 64  # pixels of a side
PROMPT_SHARE = 4  # the first quarter of the pixels is given, as in the paper (s7.1)
_BEGINNING = re.compile(r"<image width=(\d{1,4}) palette=([0-9a-f]+)>")


class ImageError(ToprankError):
    """An image, or the palette of one, is not what it has to be."""


@dataclass(frozen=True)
class Palette:
    """The colours (R, G, B each, one after the other) and the width of the square images that are made of them."""

    colours: bytes
    width: int

    def __post_init__(self) -> None:
        if len(self.colours) % 3 or not 2 <= self.size <= MOST_COLOURS:
            raise ImageError(f"A palette has 2 to {MOST_COLOURS} colours of three bytes each, not {self.size}.")
        if not SMALLEST <= self.width <= LARGEST or self.width % PROMPT_SHARE:
            raise ImageError(
                f"Images are {SMALLEST} to {LARGEST} pixels wide, a multiple of {PROMPT_SHARE}; {self.width} is not."
            )

    @property
    def size(self) -> int:
        """How many colours there are."""
        return len(self.colours) // 3

    @property
    def pixels(self) -> int:
        """How many tokens an image has."""
        return self.width * self.width

    @property
    def prompt_pixels(self) -> int:
        """How many of them are given."""
        return self.pixels // PROMPT_SHARE

    @property
    def table(self) -> NDArray[np.uint8]:
        """The colours, shape (size, 3)."""
        return np.frombuffer(self.colours, dtype=np.uint8).reshape(-1, 3)

    @property
    def vocabulary(self) -> dict[str, int]:
        """The character of each colour, and its token."""
        return {chr(FIRST_CHARACTER + number): number for number in range(self.size)}

    def side_on_page(self, most: int) -> int:
        """How wide an image is drawn: at most so many pixels, each of its own a square of whole ones.

        >>> Palette(bytes(6), 8).side_on_page(130), Palette(bytes(6), 64).side_on_page(30)
        (128, 64)
        """
        return self.width * max(1, most // self.width)

    def text_of(self, pixels: NDArray[np.uint8]) -> str:
        """The text of an image, shape (width, width, 3): each pixel's nearest colour, the first of several.

        Raises ImageError for another shape.
        """
        if pixels.shape != (self.width, self.width, 3):
            height, width = pixels.shape[:2]
            raise ImageError(f"It is {width} x {height} pixels; images here are {self.width} x {self.width}.")
        flat, table = pixels.reshape(-1, 1, 3).astype(np.int32), self.table.astype(np.int32)
        nearest = np.concatenate(
            [((part - table) ** 2).sum(axis=2).argmin(axis=1) for part in np.split(flat, self.width)]
        )
        return text_of_tokens(nearest.tolist())

    def pixels_of(self, text: str) -> NDArray[np.uint8]:
        """The pixels of whole rows, shape (rows, width, 3). Raises ImageError for what is no text of this palette."""
        tokens = tokens_of_text(text)
        if len(tokens) % self.width or (len(tokens) and max(tokens) >= self.size):
            raise ImageError(f"The text holds no rows of {self.width} pixels in {self.size} colours.")
        found: NDArray[np.uint8] = self.table[tokens].reshape(-1, self.width, 3)
        return found

    def colour_names(self, text: str) -> str:
        """The colours of a text's pixels for people, as in #ffffff."""
        return " ".join(f"#{bytes(self.table[token]).hex()}" for token in tokens_of_text(text))

    def tokenizer_json(self) -> bytes:
        """A tokenizer of images: one character, one token."""
        tokenizer = Tokenizer(models.WordLevel(self.vocabulary, unk_token=chr(FIRST_CHARACTER)))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
        tokenizer.decoder = decoders.Fuse()
        beginning = f"<image width={self.width} palette={self.colours.hex()}>"
        tokenizer.add_special_tokens([AddedToken(beginning, special=True, normalized=False)])
        tokenizer.post_processor = processors.TemplateProcessing(
            single=[beginning, "$A"], special_tokens=[(beginning, self.size)]
        )
        return tokenizer.to_str().encode()


@lru_cache(maxsize=64)
def palette_of(tokenizer_json: bytes) -> Palette | None:
    """The palette that a tokenizer.json is of; None for one of texts.

    Raises ImageError where it names a palette that is none, or has other tokens than its colours.
    """
    if b"<image width=" not in tokenizer_json:
        return None
    try:
        described = json.loads(tokenizer_json)
        names = [str(token["content"]) for token in described.get("added_tokens", [])]
        vocabulary = described["model"]["vocab"]
    except (ValueError, LookupError, TypeError, AttributeError):
        return None  # no tokenizer; who reads it as one says so
    found = next(filter(None, map(_BEGINNING.fullmatch, names)), None)
    if found is None:
        return None
    if len(found[2]) % 2:
        raise ImageError("The palette in the tokenizer.json is cut off inside a colour.")
    palette = Palette(bytes.fromhex(found[2]), int(found[1]))
    if vocabulary != palette.vocabulary:
        raise ImageError("The tokens in the tokenizer.json are not the colours of the palette that it names.")
    return palette


def text_of_tokens(tokens: Sequence[int]) -> str:
    """The text of visual tokens."""
    return "".join(chr(FIRST_CHARACTER + token) for token in tokens)


def tokens_of_text(text: str) -> list[int]:
    """The visual tokens of a text. Raises ImageError for any other character."""
    tokens = [ord(character) - FIRST_CHARACTER for character in text]
    if any(not 0 <= token < MOST_COLOURS for token in tokens):
        raise ImageError("The text holds something that is no pixel.")
    return tokens


def png_of(text: str, palette: Palette) -> bytes:
    """The rows of a text as a PNG of 8-bit RGB, each pixel exactly its colour, with nothing else in the file."""
    pixels = palette.pixels_of(text)
    height, width = pixels.shape[:2]
    rows = b"".join(b"\x00" + row.tobytes() for row in pixels)  # no filter
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


class Drawn(NamedTuple):
    """The rows of a text as a page shows them: an address, and a size at which each pixel is a square of whole ones."""

    address: str
    width: int
    height: int


def drawn(text: str, palette: Palette, *, most: int) -> Drawn:
    """The rows of a text, at most so many pixels wide or one for one. Raises ImageError for what is no image."""
    side = palette.side_on_page(most)
    return Drawn(image_address(text, palette), side, side * len(text) // palette.pixels)


def image_address(text: str, palette: Palette) -> str:
    """The image itself as a data: address, which has no name that could tell anything and needs no further request."""
    return f"data:image/png;base64,{base64.b64encode(png_of(text, palette)).decode()}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
