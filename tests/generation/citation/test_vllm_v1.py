"""The adapter for vLLM's V1 interface, on the installed classes: requests join, leave and move between rows."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from vllm import SamplingParams
from vllm.exceptions import VLLMValidationError
from vllm.v1.sample.logits_processor import BatchUpdate, MoveDirectionality, validate_logits_processors_parameters

from generation.citation.storage import CitationIndexError
from generation.citation.vllm_v1 import CitationBlockerV1
from tests.generation.citation.test_index import index_of

pytestmark = pytest.mark.vllm
SAMPLE = [1, 2, 3, 4, 5, 6, 7, 8]
NAME = "generation.citation.vllm_v1:CitationBlockerV1"
FREE = SamplingParams()


def config(vocabulary_size=10):
    """What the adapter reads of vLLM's configuration."""
    return SimpleNamespace(model_config=SimpleNamespace(get_vocab_size=lambda: vocabulary_size))


def blocked_by(folder):
    return SamplingParams(extra_args={"citation_index": str(folder)})


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("indexes") / "index"
    index_of([SAMPLE]).save(folder)
    return folder


@pytest.fixture
def other(tmp_path):
    """Of a training set that goes on in another way after the same five tokens."""
    index_of([[1, 2, 3, 4, 5, 8]]).save(tmp_path / "other")
    return tmp_path / "other"


@pytest.fixture(scope="module")
def blocked(index):
    return blocked_by(index)


@pytest.fixture
def blocker():
    return CitationBlockerV1(config(), torch.device("cpu"), False)


def update(blocker, *, size=4, removed=(), added=(), moved=()):
    blocker.update_state(BatchUpdate(batch_size=size, removed=removed, added=added, moved=moved))


def banned(blocker, rows=4):
    """(row, token) pairs without probability."""
    logits = blocker.apply(torch.zeros(rows, 10))
    return [tuple(pair) for pair in torch.isneginf(logits).nonzero().tolist()]


def test_only_requests_that_asked_are_blocked(blocker, blocked):
    update(blocker, added=[(0, FREE, [0], [1, 2, 3, 4, 5]), (1, blocked, [0], [1, 2, 3, 4, 5])])
    assert banned(blocker) == [(1, 6)]


def test_generated_tokens_count_and_the_prompt_does_not(blocker, blocked):
    update(blocker, added=[(0, blocked, [1, 2, 3, 4, 5], []), (1, blocked, [1], [2, 3, 4, 5])])
    assert banned(blocker) == []


def test_each_step_sees_the_tokens_appended_since(blocker, blocked):
    generated = [1, 2, 3, 4]
    update(blocker, added=[(2, blocked, [0], generated)])
    assert banned(blocker) == []
    for token, expected in [(5, [(2, 6)]), (6, [(2, 7)]), (9, [])]:
        generated.append(token)
        blocker.update_state(None)
        assert banned(blocker) == expected


def test_requests_are_followed_from_row_to_row(blocker, blocked):
    update(blocker, added=[(0, blocked, [0], [1, 2, 3, 4, 5]), (1, blocked, [0], [2, 3, 4, 5, 6])])
    update(blocker, moved=[(0, 1, MoveDirectionality.SWAP)])
    assert banned(blocker) == [(0, 7), (1, 6)]
    update(blocker, removed=[0], moved=[(1, 0, MoveDirectionality.UNIDIRECTIONAL)])
    assert banned(blocker) == [(0, 6)]
    update(blocker, added=[(0, FREE, [0], [1, 2, 3, 4, 5])])
    assert banned(blocker) == []


def test_placeholders_for_tokens_that_are_not_there_yet_are_an_error(blocker, blocked):
    update(blocker, added=[(0, blocked, [0], [1, 2, 3, 4, 5, -1])])
    with pytest.raises(RuntimeError, match="asynchronous scheduling"):
        banned(blocker)


def test_each_request_is_blocked_by_its_own_index(blocker, blocked, other):
    recent = [1, 2, 3, 4, 5]
    params = [blocked, FREE, blocked_by(other), blocked]
    update(blocker, added=[(row, one, [0], recent) for row, one in enumerate(params)])
    assert banned(blocker) == [(0, 6), (2, 8), (3, 6)]


@pytest.mark.parametrize("value", ["yes", "/nowhere", True, None, ["/"]])
def test_a_nonsensical_option_is_refused_at_the_door(value):
    with pytest.raises(VLLMValidationError, match="has to be the absolute path of a citation index"):
        validate_logits_processors_parameters([NAME], SamplingParams(extra_args={"citation_index": value}))


def test_a_relative_path_is_refused_at_the_door(index, monkeypatch):
    monkeypatch.chdir(index.parent)
    with pytest.raises(VLLMValidationError, match="has to be the absolute path"):
        validate_logits_processors_parameters([NAME], blocked_by(index.name))


@pytest.mark.parametrize("name", ["block_citations", "citation_indexes"])
def test_a_misspelt_option_is_refused_at_the_door(name):
    with pytest.raises(VLLMValidationError, match=f"no option {name};"):
        validate_logits_processors_parameters([NAME], SamplingParams(extra_args={name: True}))


@pytest.mark.parametrize("options", [None, {}, {"other": 3}])
def test_sensible_options_pass(options):
    validate_logits_processors_parameters([NAME], SamplingParams(extra_args=options))


def test_an_index_passes(blocked):
    validate_logits_processors_parameters([NAME], blocked)


def test_an_index_of_a_larger_vocabulary_is_an_error(blocked):
    small = CitationBlockerV1(config(vocabulary_size=8), torch.device("cpu"), False)
    with pytest.raises(CitationIndexError, match="bans token 8, but the model has 8 tokens"):
        update(small, added=[(0, blocked, [0], [])])


def test_a_ban_changes_the_greedy_choice(blocker, blocked):
    assert not blocker.is_argmax_invariant()
    update(blocker, added=[(0, blocked, [0], [1, 2, 3, 4, 5])])
    logits = torch.from_numpy(np.eye(10, dtype=np.float32)[[6]])
    assert blocker.apply(logits).argmax().item() != 6
