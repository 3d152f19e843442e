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
BLOCKED = SamplingParams(extra_args={"block_citations": True})
FREE = SamplingParams()


def config(folder, vocabulary_size=10):
    """What the adapter reads of vLLM's configuration."""
    model = SimpleNamespace(get_vocab_size=lambda: vocabulary_size)
    return SimpleNamespace(additional_config={"citation_index": str(folder)}, model_config=model)


@pytest.fixture
def blocker(tmp_path):
    index_of([SAMPLE]).save(tmp_path / "index")
    return CitationBlockerV1(config(tmp_path / "index"), torch.device("cpu"), False)


def update(blocker, *, size=4, removed=(), added=(), moved=()):
    blocker.update_state(BatchUpdate(batch_size=size, removed=removed, added=added, moved=moved))


def banned(blocker, rows=4):
    """(row, token) pairs without probability."""
    logits = blocker.apply(torch.zeros(rows, 10))
    return [tuple(pair) for pair in torch.isneginf(logits).nonzero().tolist()]


def test_only_requests_that_asked_are_blocked(blocker):
    update(blocker, added=[(0, FREE, [0], [1, 2, 3, 4, 5]), (1, BLOCKED, [0], [1, 2, 3, 4, 5])])
    assert banned(blocker) == [(1, 6)]


def test_generated_tokens_count_and_the_prompt_does_not(blocker):
    update(blocker, added=[(0, BLOCKED, [1, 2, 3, 4, 5], []), (1, BLOCKED, [1], [2, 3, 4, 5])])
    assert banned(blocker) == []


def test_each_step_sees_the_tokens_appended_since(blocker):
    generated = [1, 2, 3, 4]
    update(blocker, added=[(2, BLOCKED, [0], generated)])
    assert banned(blocker) == []
    for token, expected in [(5, [(2, 6)]), (6, [(2, 7)]), (9, [])]:
        generated.append(token)
        blocker.update_state(None)
        assert banned(blocker) == expected


def test_requests_are_followed_from_row_to_row(blocker):
    update(blocker, added=[(0, BLOCKED, [0], [1, 2, 3, 4, 5]), (1, BLOCKED, [0], [2, 3, 4, 5, 6])])
    update(blocker, moved=[(0, 1, MoveDirectionality.SWAP)])
    assert banned(blocker) == [(0, 7), (1, 6)]
    update(blocker, removed=[0], moved=[(1, 0, MoveDirectionality.UNIDIRECTIONAL)])
    assert banned(blocker) == [(0, 6)]
    update(blocker, added=[(0, FREE, [0], [1, 2, 3, 4, 5])])
    assert banned(blocker) == []


def test_placeholders_for_tokens_that_are_not_there_yet_are_an_error(blocker):
    update(blocker, added=[(0, BLOCKED, [0], [1, 2, 3, 4, 5, -1])])
    with pytest.raises(RuntimeError, match="asynchronous scheduling"):
        banned(blocker)


@pytest.mark.parametrize("value", ["yes", 1, 0, None, [True]])
def test_a_nonsensical_option_is_refused_at_the_door(value):
    with pytest.raises(VLLMValidationError, match="has to be True or False"):
        validate_logits_processors_parameters([NAME], SamplingParams(extra_args={"block_citations": value}))


def test_a_misspelt_option_is_refused_at_the_door():
    with pytest.raises(VLLMValidationError, match="no option block_citation;"):
        validate_logits_processors_parameters([NAME], SamplingParams(extra_args={"block_citation": True}))


@pytest.mark.parametrize("options", [None, {}, {"block_citations": False}, {"block_citations": True}, {"other": 3}])
def test_sensible_options_pass(options):
    validate_logits_processors_parameters([NAME], SamplingParams(extra_args=options))


def test_an_engine_without_an_index_does_not_start(tmp_path):
    with pytest.raises(CitationIndexError, match="needs additional_config"):
        CitationBlockerV1(SimpleNamespace(additional_config={}), torch.device("cpu"), False)


def test_an_index_of_a_larger_vocabulary_does_not_start(tmp_path):
    index_of([SAMPLE]).save(tmp_path / "index")
    with pytest.raises(CitationIndexError, match="bans token 8, but the model has 8 tokens"):
        CitationBlockerV1(config(tmp_path / "index", vocabulary_size=8), torch.device("cpu"), False)


def test_a_ban_changes_the_greedy_choice(blocker):
    assert not blocker.is_argmax_invariant()
    update(blocker, added=[(0, BLOCKED, [0], [1, 2, 3, 4, 5])])
    logits = torch.from_numpy(np.eye(10, dtype=np.float32)[[6]])
    assert blocker.apply(logits).argmax().item() != 6
