"""Images out of files: in the order of their names, and one clear line for what cannot be one."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from app.domain.images import tokens_of_text
from app.texts.images import read_hub_images, read_images
from app.texts.source_text import UnreadableFileError
from app.texts.tables import UnreadableHubError
from tests.digits import PALETTE, write_digits


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("digits"), 0, 5)


def test_a_folders_images_are_read_exactly_and_in_order(folder: Path) -> None:
    from sklearn.datasets import load_digits

    found = list(read_images(folder, PALETTE))
    assert [one.line for one in found] == [1, 2, 3, 4, 5]
    for one, digit in zip(found, load_digits().images, strict=False):
        assert tokens_of_text(one.text) == digit.astype(int).flatten().tolist()


def test_a_parquet_file_as_the_hub_has_them_gives_the_same(folder: Path, tmp_path: Path) -> None:
    cells = [{"bytes": file.read_bytes(), "path": file.name} for file in sorted(folder.iterdir())]
    pq.write_table(pa.table({"img": cells, "label": [0] * 5}), tmp_path / "digits.parquet")
    read = [one.text for one in read_images(tmp_path / "digits.parquet", PALETTE, column="img")]
    assert read == [one.text for one in read_images(folder, PALETTE)]
    with pytest.raises(UnreadableFileError, match="no column 'image', but img, label"):
        list(read_images(tmp_path / "digits.parquet", PALETTE))
    with pytest.raises(UnreadableFileError, match="Row 1 holds no image"):
        list(read_images(tmp_path / "digits.parquet", PALETTE, column="label"))


@pytest.mark.filterwarnings("default")
def test_a_folder_that_is_laid_out_like_the_hubs_gives_the_same(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    for file in folder.iterdir():
        (tmp_path / "train" / file.name).write_bytes(file.read_bytes())
    read = [one.text for one in read_hub_images(str(tmp_path), PALETTE, split="train")]
    assert sorted(read) == sorted(one.text for one in read_images(folder, PALETTE))
    with pytest.raises(UnreadableHubError, match="no column 'img', but image"):
        list(read_hub_images(str(tmp_path), PALETTE, column="img"))


def png(mode: str, size: tuple[int, int] = (8, 8), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, "PNG", **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not an image", "It is damaged, or no image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n", "It is damaged, or no image"),
        (png("RGB")[:45], "It is damaged, or no image"),
        (png("RGB", (9, 8)), "It is 9 x 8 pixels; images here are 8 x 8"),
        (png("RGBA"), "Its mode is RGBA"),
        (png("I;16"), "Its mode is I;16"),
        (png("P", transparency=0), "P with transparency"),
        (png("1", (5000, 1)), "5000 x 1 pixels, far too large"),
    ],
)
def test_what_is_no_image_here_is_one_clear_line(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "one.png").write_bytes(content)
    with pytest.raises(UnreadableFileError) as caught:
        list(read_images(tmp_path, PALETTE))
    assert str(caught.value).startswith("one.png: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_image_that_moves_is_none(tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 255)]
    frames[0].save(tmp_path / "one.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(UnreadableFileError, match=r"^one\.gif: It moves"):
        list(read_images(tmp_path, PALETTE))


def test_a_place_without_an_image_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="There is no image in it"):
        list(read_images(tmp_path, PALETTE))
    with pytest.raises(UnreadableFileError, match="cannot be opened"):
        list(read_images(tmp_path / "gone.png", PALETTE))
    (tmp_path / "one.parquet").write_bytes(b"no")
    with pytest.raises(UnreadableFileError, match="no Parquet file that can be read"):
        list(read_images(tmp_path / "one.parquet", PALETTE))


def test_every_mode_that_is_accepted_is_read_as_its_colours(tmp_path: Path) -> None:
    shades = np.repeat(PALETTE.table[:8, :1], 8, axis=1)
    grey = Image.fromarray(shades)
    for number, mode in enumerate(("L", "RGB", "P")):
        grey.convert(mode).save(tmp_path / f"{number}.png")
    texts = {one.text for one in read_images(tmp_path, PALETTE)}
    assert texts == {PALETTE.text_of(np.repeat(shades[..., None], 3, axis=2))}
