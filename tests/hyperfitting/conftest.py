"""A run on the tiny model that takes a second, and texts for it."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from generation.own_tokens import OwnTokens
from hyperfitting.config import HyperfitConfig
from hyperfitting.data import Document
from hyperfitting.plan import Plan

WORDS = ("house", "lane", "letter", "drawer", "river", "boats", "train", "beach", "rain", "streets", "lamps")
SMALL = HyperfitConfig(samples=16, length=32, epochs=3, batch_size=8, lr=3e-3, validation_samples=4, contexts=2, seed=1)


def make_documents(count: int, *, words: int = 60) -> list[Document]:
    """Texts of random words, each its own."""
    draws = random.Random(7)
    return [Document(" ".join(draws.choices(WORDS, k=words)), f"text {number}") for number in range(count)]


@pytest.fixture(scope="session")
def tokens(tiny_checkpoint: Path) -> OwnTokens:
    """The tiny model's tokenizer."""
    return OwnTokens(tiny_checkpoint)


@pytest.fixture
def plan(tiny_checkpoint: Path, tmp_path: Path) -> Callable[..., Plan]:
    """Makes a small run; named choices replace those of its configuration, `out` its folder."""

    def make(*, out: str = "made", **choices: object) -> Plan:
        return Plan(
            base=tiny_checkpoint,
            base_name="tiny",
            documents=make_documents(30),
            data_name="words",
            out=tmp_path / out,
            config=replace(SMALL, **choices),
        )

    return make
