"""Commands start fast, and run where only their own part is installed."""

import subprocess
import sys

import pytest

LOADED = "import sys, {module}; print(sorted({{name.partition('.')[0] for name in sys.modules}} & set(sys.argv[1:])))"


@pytest.mark.parametrize(
    ("module", "not_loaded"),
    [
        ("cli.main", ["torch", "transformers", "fastapi", "matplotlib", "numba", "vllm"]),
        ("app.main", ["torch", "transformers", "vllm"]),
        ("worker.run", ["torch", "transformers", "fastapi", "starlette", "vllm"]),
    ],
)
def test_what_is_heavy_is_loaded_where_it_is_needed(module: str, not_loaded: list[str]) -> None:
    command = [sys.executable, "-c", LOADED.format(module=module), *not_loaded]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
