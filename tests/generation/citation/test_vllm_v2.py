"""The adapter for vLLM's Model Runner V2, on the installed interface with tensors of the CPU."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from vllm import SamplingParams
from vllm.exceptions import VLLMValidationError
from vllm.v1.worker.gpu.sample.logits_processor import (
    LogitsContext,
    LogitsProcRequestState,
    build_custom_logits_processors_params_validator,
)

from generation.citation.vllm_v2 import CitationBlockerV2, DeviceTable
from tests.generation.citation.test_index import few_tokens, index_of
from tests.generation.citation.test_vllm_v1 import FREE, SAMPLE, blocked_by, config

pytestmark = pytest.mark.vllm
NAME = "generation.citation.vllm_v2:CitationBlockerV2"
SLOTS, LONGEST, VOCABULARY = 6, 16, 10


class Engine:
    """The buffers of the model runner that the adapter reads, and a request in each slot that a test fills."""

    def __init__(self, folder):
        self.blocked = blocked_by(folder)
        tokens, prompts, totals = (
            torch.zeros(SLOTS, LONGEST, dtype=torch.int32),
            *torch.zeros(2, SLOTS, dtype=torch.int32),
        )
        self.tokens, self.prompts, self.totals = tokens, prompts, totals
        buffers = [SimpleNamespace(gpu=tensor) for tensor in (tokens, prompts, prompts, totals)]
        self.blocker = CitationBlockerV2(
            config(), LogitsProcRequestState(torch.device("cpu"), SLOTS, VOCABULARY, *buffers)
        )

    def add(self, slot, prompt, generated, params=None):
        """Put a request into a slot, as the runner does: the rest of the slot keeps what a former request left."""
        ids = prompt + generated
        self.tokens[slot, : len(ids)] = torch.tensor(ids, dtype=torch.int32)
        self.prompts[slot], self.totals[slot] = len(prompt), len(ids)
        wants = self.blocker.add_request(slot, params or self.blocked)
        self.blocker.apply_staged_writes()
        return wants

    def banned(self, slots, drafts=()):
        """(row, token) pairs without probability, for requests in a batch order, each with its draft tokens."""
        drafts = drafts or [[] for _ in slots]
        rows = [(slot, at, fed) for slot, more in zip(slots, drafts, strict=True) for at, fed in enumerate([-9, *more])]
        mapping, local, fed = (torch.tensor(column, dtype=torch.int32) for column in zip(*rows, strict=True))
        for row, (slot, at, _) in enumerate(rows):
            if at == 0:  # the last committed token is what the model is fed first
                fed[row] = self.tokens[slot, self.totals[slot] - 1]
        slots_np = np.array(slots, dtype=np.int32)
        context = LogitsContext(mapping, torch.from_numpy(slots_np), slots_np, local, fed, local, self.totals.numpy())
        logits = self.blocker.apply(torch.zeros(len(rows), VOCABULARY), context)
        assert not torch.isposinf(logits).any()
        return [tuple(pair) for pair in torch.isneginf(logits).nonzero().tolist()]


@pytest.fixture
def engine(tmp_path):
    index_of([SAMPLE]).save(tmp_path / "index")
    return Engine(tmp_path / "index")


def test_rows_are_mapped_to_the_slots_of_their_requests(engine):
    engine.add(4, [0], [1, 2, 3, 4, 5])
    engine.add(1, [0, 0], [2, 3, 4, 5, 6])
    engine.add(3, [0], [9, 9, 9, 9, 9])
    assert engine.banned([3, 1, 4]) == [(1, 7), (2, 6)]
    assert engine.banned([4, 3]) == [(0, 6)]


def test_only_requests_that_asked_are_blocked(engine):
    assert engine.add(0, [0], [1, 2, 3, 4, 5])
    assert not engine.add(2, [0], [1, 2, 3, 4, 5], FREE)
    assert engine.banned([2, 0]) == [(1, 6)]
    assert engine.banned([2]) == []


def test_each_request_is_blocked_by_its_own_index(engine, tmp_path):
    index_of([[1, 2, 3, 4, 5, 8]]).save(tmp_path / "other")
    engine.add(0, [0], [1, 2, 3, 4, 5])
    engine.add(1, [0], [1, 2, 3, 4, 5], blocked_by(tmp_path / "other"))
    engine.add(2, [0], [1, 2, 3, 4, 5], FREE)
    assert engine.banned([2, 1, 0]) == [(1, 8), (2, 6)]
    engine.add(0, [0], [1, 2, 3, 4, 5], blocked_by(tmp_path / "other"))
    assert engine.banned([0, 1, 2]) == [(0, 8), (1, 8)]


def test_a_slot_used_again_forgets_the_request_before(engine):
    engine.add(0, [0], [1, 2, 3, 4, 5])
    engine.add(0, [0], [1, 2, 3, 4, 5], FREE)
    assert engine.banned([0]) == []
    engine.add(0, [0, 0], [2, 3])  # behind these the slot still holds 4 and 5
    assert engine.banned([0]) == []


def test_generated_tokens_count_and_the_prompt_does_not(engine):
    engine.add(0, [1, 2, 3, 4, 5], [])
    engine.add(1, [1], [2, 3, 4, 5])
    assert engine.banned([0, 1]) == []


def test_draft_tokens_count_for_the_rows_behind_them(engine):
    engine.add(2, [0, 0, 0], [1, 2, 3, 4])
    engine.add(5, [0], [2, 3, 4, 5, 6])
    # Rows 0-3: after no draft, 5, 5 6, 5 6 9; row 4: the other request without drafts.
    assert engine.banned([2, 5], [[5, 6, 9], []]) == [(1, 6), (2, 7), (4, 7)]


def test_an_index_without_bans_changes_nothing(tmp_path):
    index_of([[1, 2, 3, 4, 5]]).save(tmp_path / "index")
    engine = Engine(tmp_path / "index")
    engine.add(0, [0], [1, 2, 3, 4, 5])
    assert engine.banned([0]) == []


@settings(deadline=None, max_examples=100)
@given(samples=few_tokens, data=st.data())
def test_the_device_bans_what_the_index_bans(samples, data):
    index = index_of(samples, data.draw(st.sampled_from([None, 1, 2, 4])))
    others = data.draw(st.lists(st.lists(st.integers(-1, 4), min_size=5, max_size=5), max_size=8))
    recent = np.array(others + [sample[at : at + 5] for sample in samples for at in range(len(sample) - 4)] + [[0] * 5])
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=len(recent), max_size=len(recent))))
    expected = np.zeros((len(recent), VOCABULARY), dtype=bool)
    expected[index.banned(recent)] = True
    table = DeviceTable(index.table, torch.device("cpu"))
    logits = torch.randn(len(recent), VOCABULARY)
    before = logits.clone()
    table.ban(logits, torch.from_numpy(recent), torch.from_numpy(wanted))
    expected &= wanted[:, None]
    assert (torch.isneginf(logits).numpy() == expected).all()
    assert (logits.numpy() == before.numpy())[~expected].all()


@pytest.mark.parametrize("options", [{"citation_index": "yes"}, {"block_citations": True}])
def test_nonsense_is_refused_at_the_door(engine, options):
    validate = build_custom_logits_processors_params_validator([NAME])
    validate(engine.blocked)
    with pytest.raises(VLLMValidationError):
        validate(SamplingParams(extra_args=options))
