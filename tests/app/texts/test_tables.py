"""Texts out of Parquet files and data sets of the hub: what is read, and what is refused with one clear line."""

from pathlib import Path

import datasets
import pyarrow as pa
import pytest
from pyarrow import parquet

from app.texts.reading import read_texts
from app.texts.source_text import SourceText, UnreadableFileError
from app.texts.tables import UnreadableHubError, read_hub


def table(folder: Path, name: str = "a.parquet", **columns: list[object]) -> Path:
    parquet.write_table(pa.table(columns), folder / name)
    return folder / name


def test_parquet_with_its_sources(tmp_path: Path) -> None:
    file = table(tmp_path, text=["One.", "Two."], source=["here", None], other=[1, 2])

    assert list(read_texts(file)) == [SourceText("One.", 1, "here"), SourceText("Two.", 2)]


def test_parquet_is_read_beyond_one_batch_of_rows(tmp_path: Path) -> None:
    texts = [f"Text {number}." for number in range(600)]

    assert [found.text for found in read_texts(table(tmp_path, body=texts), column="body")] == texts


def broken(tmp_path: Path) -> Path:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 but no more of it")
    return tmp_path / "a.parquet"


def truncated(tmp_path: Path) -> Path:
    file = table(tmp_path, text=["One."] * 100)
    file.write_bytes(file.read_bytes()[:-20])
    return file


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (broken, "It is no Parquet file that can be read"),
        (truncated, "It is no Parquet file that can be read"),
        (lambda folder: folder / "absent.parquet", "It cannot be read"),
        (lambda folder: table(folder, body=["One."]), "The file has no text in the column 'text' (columns: body)"),
        (lambda folder: table(folder, text=["One.", None]), "Row 2 has no text in the column 'text'"),
        (lambda folder: table(folder, text=[1, 2]), "Row 1 has no text in the column 'text'"),
        (lambda folder: table(folder, text=pa.array([], pa.string())), "There is no text in it."),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, make: object, reason: str) -> None:
    with pytest.raises(UnreadableFileError) as refused:
        list(read_texts(make(tmp_path)))  # type: ignore[operator]

    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that reads like a data set of the hub, and a cache of its own; nothing is asked of a network."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True, raising=False)
    folder = tmp_path / "stories"
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"text": "One."}\n{"text": "Two.", "source": "x"}\n')
    (folder / "test.jsonl").write_text('{"text": "Three."}\n')
    return folder


def test_a_split_of_a_data_set(offline: Path) -> None:
    assert [found.text for found in read_hub(str(offline))] == ["One.", "Two."]
    assert [found.text for found in read_hub(f"{offline}:default", split="test")] == ["Three."]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"column": "body"}, "Row 1 has no text in the column 'body'"),
        ({"split": "validation"}, "It cannot be read"),
    ],
)
def test_a_split_or_column_that_is_not_there_is_said(offline: Path, options: dict[str, str], reason: str) -> None:
    with pytest.raises(UnreadableHubError, match=reason):
        list(read_hub(str(offline), **options))


@pytest.mark.parametrize("hub_id", ["nobody/has-this", "stories:missing"])
def test_a_data_set_that_is_not_there_is_said(offline: Path, hub_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(offline.parent)
    with pytest.raises(UnreadableHubError, match=r"It cannot be read: .* Nothing was imported"):
        list(read_hub(hub_id))
