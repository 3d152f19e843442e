from types import ModuleType

import numpy as np
import pytest

from metrics import bleu, dataset_bleu, match_counts, ngrams, self_bleu, suffix_automaton

COMPILED: list[ModuleType] = [bleu, dataset_bleu, match_counts, ngrams, self_bleu, suffix_automaton]


@pytest.fixture(params=["compiled", "plain"])
def kernels(request, monkeypatch):
    """The compiled functions, and the same source run by Python, where indices out of range are errors."""
    if request.param == "compiled":
        yield request.param
        return
    for module in COMPILED:
        for name, function in list(vars(module).items()):
            if hasattr(function, "py_func"):
                monkeypatch.setattr(module, name, function.py_func)
    with np.errstate(over="ignore"):  # hashes wrap around
        yield request.param
