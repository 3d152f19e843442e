"""The transformers adapter: on made-up scores, and inside a real model's `generate`."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, GenerationConfig, LogitsProcessorList

from generation.citation.boundaries import WordBoundaries
from generation.citation.hf import CitationBlocker
from generation.citation.index import CitationCount, CitationIndex
from generation.citation.training_set import TrainingSet
from tests.generation.citation.brute_force import banned_after
from tests.generation.citation.test_index import index_of

SAMPLE = [1, 2, 3, 4, 5, 6, 7, 8]
NEW_TOKENS = 40


def step(blocker, rows, scores=None):
    """Scores after one step; before it, a higher token id is more likely."""
    scores = torch.arange(10.0).repeat(len(rows), 1) if scores is None else torch.tensor(scores)
    return blocker(torch.tensor(rows), scores)


def test_the_token_after_a_citation_gets_no_probability():
    scores = step(CitationBlocker(index_of([SAMPLE]), prompt_length=1), [[9, 1, 2, 3, 4, 5], [9, 1, 2, 3, 4, 4]])
    assert scores[0, 6] == -torch.inf
    assert torch.isfinite(scores).sum() == 19  # nothing else, and nothing in the other row


def test_tokens_of_the_prompt_are_no_citation():
    scores = step(CitationBlocker(index_of([SAMPLE]), prompt_length=2), [[9, 1, 2, 3, 4, 5]])
    assert torch.isfinite(scores).all()


def test_a_row_counts_its_matches_and_the_steps_that_were_changed():
    blocker = CitationBlocker(index_of([SAMPLE]), prompt_length=0)
    step(blocker, [[1, 2, 3, 4, 5], [0, 0, 0, 0, 0]])  # 6 is banned, but 9 is the most likely anyway
    step(blocker, [[1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5]], [[0.0] * 7 + [1.0, 0, 0], [0.0] * 6 + [1.0, 0, 0, 0]])
    # Row 0: two matches, 7 was taken away in the second. Row 1: one match, 6 was taken away.
    assert blocker.counts() == [CitationCount(2, 1), CitationCount(1, 1)]


def test_what_a_row_would_have_taken_is_the_callers_to_say():
    blocker = CitationBlocker(index_of([SAMPLE]), 0, choose=lambda scores: torch.full((len(scores),), 6))
    step(blocker, [[1, 2, 3, 4, 5]])
    assert blocker.counts() == [CitationCount(1, 1)]


@pytest.mark.model
def test_a_real_model_stops_reciting_and_every_ban_is_right(smollm2, licence_contexts, licence_samples):
    tokenizer = Tokenizer.from_file(str(smollm2 / "tokenizer.json"))
    index = CitationIndex.build(TrainingSet.from_samples(licence_samples), WordBoundaries(tokenizer))
    model = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32).eval()
    contexts = licence_contexts[:8]
    free, _ = continue_greedily(model, contexts, None)
    blocker = CitationBlocker(index, prompt_length=32)
    blocked, scores = continue_greedily(model, contexts, blocker)
    assert sum(index.count(row).matches for row in free) > 0, "unblocked, the model recites"
    for row, generated in enumerate(blocked):
        banned_steps = [
            check_step(tokenizer, licence_samples, generated[:at], scores[at][row]) for at in range(NEW_TOKENS)
        ]
        assert not any(token in banned for token, banned in zip(generated.tolist(), banned_steps, strict=True))
        assert index.count(generated).matches == blocker.counts()[row].matches
    assert sum(count.effective_blocks for count in blocker.counts()) > 0
    longest = max(index.count(row).matches for row in blocked)
    assert longest < max(index.count(row).matches for row in free)


def continue_greedily(model, contexts, blocker):
    """Generated ids [rows, NEW_TOKENS] and the scores after the blocker, of each step."""
    settings = GenerationConfig(
        do_sample=False, max_new_tokens=NEW_TOKENS, pad_token_id=0, output_scores=True, return_dict_in_generate=True
    )
    processors = LogitsProcessorList([blocker] if blocker else [])
    ids = torch.tensor(contexts)
    with torch.inference_mode():
        output = model.generate(
            ids, attention_mask=torch.ones_like(ids), generation_config=settings, logits_processor=processors
        )
    return output.sequences[:, ids.shape[1] :].numpy(), output.scores


def check_step(tokenizer, samples, generated, scores):
    """The tokens without probability at one step, after checking them against a reader of the training set."""
    banned = set(np.flatnonzero(torch.isneginf(scores).numpy()).tolist())
    recent = generated[-5:].tolist()
    assert banned == (banned_after(tokenizer, samples, recent) if len(recent) == 5 else set())
    return banned
