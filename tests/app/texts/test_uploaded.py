"""Files that a request brings are read as those of this machine are, whatever their names say."""

import io

import numpy as np
import pytest

from app.texts.source_text import UnreadableFileError
from app.texts.uploaded import name_of_uploads, plain_name, uploaded_images, uploaded_texts
from tests.digits import PALETTE


def shades(*numbers: int) -> tuple[str, io.BytesIO]:
    """An array of images of one shade each."""
    out = io.BytesIO()
    np.save(out, np.stack([np.broadcast_to(PALETTE.table[number], (8, 8, 3)) for number in numbers]))
    out.seek(0)
    return f"{numbers[0]}.npy", out


def test_images_come_in_the_order_of_their_names_and_are_counted_through() -> None:
    found = uploaded_images([shades(3), shades(1, 2)], PALETTE)
    assert [(ord(one.text[0]) - 0xE000, one.line) for one in found] == [(1, 1), (2, 2), (3, 3)]


def test_two_files_of_one_name_are_two() -> None:
    found = uploaded_texts([("one/a.txt", io.BytesIO(b"First.")), ("two/a.txt", io.BytesIO(b"Second."))])
    assert [one.text.strip() for one in found] == ["First.", "Second."]


@pytest.mark.parametrize("name", ["..", ".", "", "a/..", "\0"])
def test_a_name_that_means_a_folder_is_none(name: str) -> None:
    assert plain_name(name) == "file"
    with pytest.raises(UnreadableFileError, match=r"^file: "):
        uploaded_images([(name, io.BytesIO(b"no image"))], PALETTE)


def test_one_file_is_called_by_its_name_and_many_are_counted() -> None:
    assert name_of_uploads([shades(1)]) == "1.npy"
    assert name_of_uploads([shades(1), shades(2)]) == "2 files"


@pytest.mark.parametrize("name", ["\N{PILE OF POO}" * 100 + ".txt", "x" * 300 + ".txt", "\udcff.txt"])
def test_a_name_that_no_disk_could_hold_is_cut(name: str) -> None:
    (found,) = uploaded_texts([(name, io.BytesIO(b"A text."))])
    assert found.text.strip() == "A text."
    assert plain_name(name).endswith(".txt")
