"""The citation blocker for transformers' `generate`."""

from collections.abc import Callable

import numpy as np
import torch
from transformers import LogitsProcessor

from generation.citation.index import CitationCount, CitationIndex
from generation.citation.table import CITATION_LENGTH


class CitationBlocker(LogitsProcessor):
    """Bans what the last five *generated* tokens of each row may not be followed by, and counts for each row.

    Prompts are padded on the left, so generated tokens begin at one column for all rows. It has to come before what
    chooses or masks by rank. Rows must keep their places: no beam search.
    """

    def __init__(
        self,
        index: CitationIndex,
        prompt_length: int,
        choose: Callable[[torch.Tensor], torch.Tensor] = lambda scores: scores.argmax(dim=-1),
    ) -> None:
        """`choose` maps scores [rows, vocabulary] to the token each row would take [rows]; greedy by default."""
        self.index = index
        self.prompt_length = prompt_length
        self.choose = choose
        self.matches = np.zeros(0, dtype=np.int64)
        self.effective_blocks = np.zeros(0, dtype=np.int64)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Scores [rows, vocabulary], changed in place; `input_ids` [rows, prompt + generated]."""
        if not self.matches.size:
            self.matches, self.effective_blocks = np.zeros((2, len(input_ids)), dtype=np.int64)
        if input_ids.shape[1] < self.prompt_length + CITATION_LENGTH:
            return scores
        recent = input_ids[:, -CITATION_LENGTH:].cpu().numpy()
        matched, _ = self.index.find(recent)
        if not matched.size:
            return scores
        self.matches[matched] += 1
        rows, tokens = self.index.banned(recent)
        if rows.size:
            would_take = self.choose(scores).cpu().numpy()
            self.effective_blocks += np.bincount(rows[would_take[rows] == tokens], minlength=len(input_ids))
            scores[torch.from_numpy(rows), torch.from_numpy(tokens.astype(np.int64))] = -torch.inf
        return scores

    def counts(self) -> list[CitationCount]:
        """Per row, what happened so far."""
        pairs = zip(self.matches.tolist(), self.effective_blocks.tolist(), strict=True)
        return [CitationCount(matches, effective_blocks) for matches, effective_blocks in pairs]
