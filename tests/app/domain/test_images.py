"""Images as texts of visual tokens: exact there and back."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from tokenizers import Tokenizer

from app.domain.images import (
    ImageError,
    Palette,
    drawn,
    image_address,
    palette_of,
    png_of,
    text_of_tokens,
    tokens_of_text,
)
from app.domain.reference_tokens import ReferenceTokenizer, TextTooShortError
from tests.tiny_model import tiny_tokenizer_json

DRAW = np.random.default_rng(3)
# 512 colours, as ImageGPT has
SMALL = Palette(bytes.fromhex("000000ffffff"), 8)
PALETTE = Palette(np.unique(DRAW.integers(0, 256, (520, 3), dtype=np.uint8), axis=0)[:512].tobytes(), 32)


def test_pixels_of_the_palette_come_back_exactly() -> None:
    pixels = PALETTE.table[DRAW.integers(0, PALETTE.size, 1024)].reshape(32, 32, 3)
    text = PALETTE.text_of(pixels)
    assert len(text) == 1024
    assert np.array_equal(PALETTE.pixels_of(text), pixels)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png_of(text, PALETTE)))), pixels)


def test_another_colour_becomes_the_nearest_one() -> None:
    palette = Palette(bytes([0, 0, 0, 255, 255, 255, 200, 0, 0]), 4)
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    pixels[0, 0], pixels[0, 1], pixels[3, 3] = (250, 251, 252), (180, 30, 20), (60, 60, 60)
    # white, red, and for the rest black, which 60 is nearest to as well
    assert tokens_of_text(palette.text_of(pixels)) == [1, 2, *[0] * 14]


def test_a_tokenizer_has_a_token_for_each_pixel_and_names_the_palette() -> None:
    tokenizer_json = PALETTE.tokenizer_json()
    tokenizer = Tokenizer.from_buffer(tokenizer_json)
    tokens = DRAW.integers(0, PALETTE.size, 1024).tolist()
    text = text_of_tokens(tokens)
    assert tokenizer.encode(text, add_special_tokens=False).ids == tokens
    assert tokenizer.encode(text).ids == [512, *tokens]
    assert tokenizer.decode(tokens) == text
    assert palette_of(tokenizer_json) == PALETTE
    assert Palette(bytes([255, 0, 10, 0, 0, 0]), 4).colour_names(text_of_tokens([0, 1])) == "#ff000a #000000"
    assert palette_of(tiny_tokenizer_json()) is None
    assert palette_of(b"<image width=") is None


def test_an_image_is_cut_after_a_quarter_of_its_rows() -> None:
    tokens = DRAW.integers(0, PALETTE.size, 1024).tolist()
    cut = ReferenceTokenizer(PALETTE.tokenizer_json()).cut(text_of_tokens(tokens))
    assert (len(cut.context), len(cut.original), cut.width) == (256, 768, 32)
    assert (cut.text, cut.token_ids) == (text_of_tokens(tokens), tokens)
    with pytest.raises(TextTooShortError):
        ReferenceTokenizer(PALETTE.tokenizer_json()).cut(text_of_tokens(tokens[:100]))


def test_an_address_holds_the_image_and_nothing_that_could_tell_one_from_another() -> None:
    address = image_address(text_of_tokens([1] * 256), PALETTE)
    kind, _, content = address.partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        assert (image.size, image.info) == ((32, 8), {})


@pytest.mark.parametrize(
    ("colours", "width", "reason"),
    [
        (b"\x00\x00\x00", 8, "2 to 4096 colours"),
        (b"\x00" * 7, 8, "three bytes each"),
        (b"\x00" * 6, 10, "a multiple of 4; 10 is not"),
        (b"\x00" * 6, 128, "4 to 64 pixels wide"),
    ],
)
def test_a_palette_that_makes_no_sense_is_refused(colours: bytes, width: int, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        Palette(colours, width)


def test_what_is_no_image_of_the_palette_is_refused() -> None:
    with pytest.raises(ImageError, match="It is 32 x 16 pixels; images here are 32 x 32"):
        PALETTE.text_of(np.zeros((16, 32, 3), dtype=np.uint8))
    with pytest.raises(ImageError, match="something that is no pixel"):
        PALETTE.pixels_of("a house")
    with pytest.raises(ImageError, match="no rows of 32 pixels in 512 colours"):
        PALETTE.pixels_of(text_of_tokens([0] * 33))
    with pytest.raises(ImageError, match="no rows of 32 pixels in 512 colours"):
        PALETTE.pixels_of(text_of_tokens([600] * 32))


def changed_tokenizer(**changed: object) -> bytes:
    return json.dumps(json.loads(SMALL.tokenizer_json()) | changed).encode()


@pytest.mark.parametrize(
    ("tokenizer_json", "reason"),
    [
        (SMALL.tokenizer_json().replace(b"ffffff>", b"fffff>"), "cut off inside a colour"),
        (SMALL.tokenizer_json().replace(b"ffffff>", b">"), "2 to 4096 colours"),
        (SMALL.tokenizer_json().replace(b"width=8", b"width=9"), "a multiple of 4; 9 is not"),
        (changed_tokenizer(model={"vocab": {"a": 0, "b": 1}}), "not the colours of the palette"),
    ],
)
def test_a_tokenizer_whose_palette_is_none_is_refused(tokenizer_json: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        palette_of(tokenizer_json)


@pytest.mark.parametrize(
    "tokenizer_json",
    [
        b"<image width=8 palette=00>",
        b'["<image width=8 palette=00>"]',
        changed_tokenizer(model=None),
        changed_tokenizer(added_tokens=["<image width="]),
        changed_tokenizer(added_tokens=[], note="<image width="),
    ],
)
def test_what_is_no_tokenizer_of_images_has_no_palette(tokenizer_json: bytes) -> None:
    assert palette_of(tokenizer_json) is None


def test_an_image_is_drawn_in_whole_pixels_and_its_given_rows_as_high_as_they_are() -> None:
    text = text_of_tokens([0] * 64)
    # 128 // 8 = 16 pixels of the page for each
    assert drawn(text, SMALL, most=130)[1:] == (128, 128)
    assert drawn(text[:16], SMALL, most=130)[1:] == (128, 32)
    # too large to fit is drawn one for one
    assert drawn(text_of_tokens([0] * 1024), PALETTE, most=20)[1:] == (32, 32)
