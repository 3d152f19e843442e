"""Images out of a numpy array: what it holds, exactly, and one clear line for every other array."""

from pathlib import Path

import numpy as np
import pytest

from app.texts.images import read_images
from app.texts.source_text import UnreadableFileError
from tests.digits import PALETTE, write_digits


@pytest.fixture
def colours() -> np.ndarray:
    """Three images of random shades of the palette, shape (3, 8, 8, 3)."""
    return PALETTE.table[np.random.default_rng(0).integers(0, PALETTE.size, (3, 8, 8))]


def saved(folder: Path, array: np.ndarray) -> Path:
    np.save(folder / "images.npy", array)
    return folder / "images.npy"


def test_every_image_of_an_array_is_read_in_order(tmp_path: Path, colours: np.ndarray) -> None:
    found = list(read_images(saved(tmp_path, colours), PALETTE))
    assert [one.text for one in found] == [PALETTE.text_of(image) for image in colours]
    assert [one.line for one in found] == [1, 2, 3]


def test_an_array_without_colours_is_grey(tmp_path: Path, colours: np.ndarray) -> None:
    found = list(read_images(saved(tmp_path, colours[..., 0]), PALETTE))
    assert [one.text for one in found] == [PALETTE.text_of(image) for image in colours]


def test_an_array_gives_what_files_give(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    shades = PALETTE.table[load_digits().images[:4].astype(int), 0]
    read = [one.text for one in read_images(saved(tmp_path, shades), PALETTE)]
    assert read == [one.text for one in read_images(write_digits(tmp_path / "files", 0, 4), PALETTE)]


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 8, 8)), "It holds float64; pixels are whole numbers"),
        (np.zeros((8, 8), np.uint8), "Its shape is 8 x 8; images are"),
        (np.zeros((), np.uint8), "Its shape is a single number; images are"),
        (np.zeros((2, 8, 8, 4), np.uint8), "Its shape is 2 x 8 x 8 x 4; images are"),
        (np.zeros((2, 8, 9), np.uint8), "images.npy image 1: It is 9 x 8 pixels; images here are 8 x 8."),
        (np.zeros((0, 8, 8), np.uint8), "There is no image in it"),
        (np.array([{"a": 1}], dtype=object), "It is damaged, or no array of numbers"),
    ],
)
def test_any_other_array_is_one_clear_line(tmp_path: Path, array: np.ndarray, reason: str) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        list(read_images(saved(tmp_path, array), PALETTE))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_array_that_is_cut_or_none_at_all_is_one_clear_line(tmp_path: Path, colours: np.ndarray) -> None:
    whole = saved(tmp_path, colours).read_bytes()
    for content in (whole[:-1], whole[:20], b"PK not numpy", b""):
        (tmp_path / "images.npy").write_bytes(content)
        with pytest.raises(UnreadableFileError, match=r"^images\.npy: It is damaged, or no array"):
            list(read_images(tmp_path / "images.npy", PALETTE))
    with pytest.raises(UnreadableFileError, match="damaged"):
        list(read_images(tmp_path / "gone.npy", PALETTE))
