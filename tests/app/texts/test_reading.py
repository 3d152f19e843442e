"""Texts out of files: what is read, and what is refused with one clear line."""

from pathlib import Path

import pytest

from app.texts.reading import read_texts
from app.texts.source_text import SourceText, UnreadableFileError


def file_of(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_json_lines_with_their_sources(tmp_path: Path) -> None:
    file = file_of(tmp_path, "a.jsonl", '{"text": "One.", "source": "here"}\n\n{"text": "Two.", "source": 3}\n')
    assert list(read_texts(file)) == [SourceText("One.", 1, "here"), SourceText("Two.", 3)]


def test_csv_with_line_breaks_inside_its_cells(tmp_path: Path) -> None:
    file = file_of(tmp_path, "a.csv", 'body,source\n"One,\nand more.",x\nTwo.,\n')
    assert list(read_texts(file, column="body")) == [SourceText("One,\nand more.", 3, "x"), SourceText("Two.", 4, "")]


def test_plain_text_in_blocks(tmp_path: Path) -> None:
    file = file_of(tmp_path, "a.txt", "\n\nOne,\nstill one.\n\n\nTwo.")
    assert list(read_texts(file)) == [SourceText("One,\nstill one.", 3), SourceText("Two.", 7)]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    assert list(read_texts(file_of(tmp_path, "a.txt", b"\xef\xbb\xbfOne."))) == [SourceText("One.", 1)]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.docx", "x", "Files of texts end in .jsonl, .csv, .txt"),
        ("a.txt", b"\xff\xfe\x00", "It is not UTF-8: invalid start byte near byte 0."),
        ("a.txt", "\n\n", "There is no text in it."),
        ("a.jsonl", '{"text": "One."}\n{"text":\n', "Line 2 is not JSON."),
        ("a.jsonl", "[" * 100_000, "Line 1 is not JSON."),
        ("a.jsonl", "[1]\n", "Line 1 is not a JSON object."),
        ("a.jsonl", '{"body": "One."}\n', "Line 1 has no text in the column 'text' (columns: body)"),
        ("a.jsonl", '{"text": 5}\n', "Line 1 has no text in the column 'text'"),
        ("a.csv", "body\nOne.\n", "The header has no text in the column 'text' (columns: body)"),
        ("a.csv", "", "The header has no text in the column 'text' (columns: none)"),
        ("a.csv", "text,source\nOne.\n", ""),
        ("a.csv", "text\nOne.,two,three\n", "Line 2 has another number of cells than the header."),
        ("a.csv", 'text\n"One.', "is not CSV"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path, name: str, content: str | bytes, reason: str) -> None:
    if not reason:
        assert [text.text for text in read_texts(file_of(tmp_path, name, content))] == ["One."]
        return
    with pytest.raises(UnreadableFileError) as refused:
        list(read_texts(file_of(tmp_path, name, content)))
    assert reason in str(refused.value)
    assert str(refused.value).endswith("Nothing was imported.")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="It cannot be opened: No such file"):
        list(read_texts(tmp_path / "none.txt"))
