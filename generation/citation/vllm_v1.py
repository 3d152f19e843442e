"""The citation blocker for vLLM's V1 logits processors, which a CPU runs."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

from generation.citation.index import CitationIndex
from generation.citation.table import CITATION_LENGTH
from generation.citation.vllm_options import load_index, requested_index


class CitationBlockerV1(LogitsProcessor):
    """Bans, for each request that names an index, what may not follow its last five generated tokens by that index."""

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise ValueError for a request with a nonsensical option."""
        requested_index(sampling_params)

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:  # noqa: ARG002
        self.vocabulary_size = vllm_config.model_config.get_vocab_size()
        self.device = device
        self.indexes: dict[Path, CitationIndex] = {}
        # row -> its index and its generated tokens; vLLM appends to these very lists
        self.requests: dict[int, tuple[CitationIndex, list[int]]] = {}

    def is_argmax_invariant(self) -> bool:
        """False: a ban changes the greedy choice."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follow requests as they join, leave and move between rows."""
        process_dict_updates(self.requests, batch_update, self._accept)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits [requests, vocabulary], changed in place."""
        by_index: dict[CitationIndex, list[int]] = {}
        for row, (index, tokens) in self.requests.items():
            if len(tokens) >= CITATION_LENGTH:
                by_index.setdefault(index, []).append(row)
        for index, rows in by_index.items():
            self._ban(logits, index, rows)
        return logits

    def _ban(self, logits: torch.Tensor, index: CitationIndex, rows: list[int]) -> None:
        recent = np.array([self.requests[row][1][-CITATION_LENGTH:] for row in rows], dtype=np.int64)
        if recent.min() < 0:
            raise RuntimeError("vLLM has not filled in the last tokens yet; turn asynchronous scheduling off.")
        at, tokens = index.banned(recent)
        if at.size:
            banned = torch.from_numpy(np.stack([np.array(rows)[at], tokens.astype(np.int64)])).to(self.device)
            logits[banned[0], banned[1]] = -torch.inf

    def _accept(
        self, sampling_params: Any, _prompt: list[int] | None, generated: list[int]
    ) -> tuple[CitationIndex, list[int]] | None:
        folder = requested_index(sampling_params)
        if folder is None:
            return None
        if folder not in self.indexes:
            self.indexes[folder] = load_index(folder, self.vocabulary_size)
        return self.indexes[folder], generated
