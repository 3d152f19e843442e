"""The citation blocker for vLLM's V1 logits processors, which a CPU runs."""

from typing import Any

import numpy as np
import torch
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

from generation.citation.table import CITATION_LENGTH
from generation.citation.vllm_options import load_configured_index, wants_blocking


class CitationBlockerV1(LogitsProcessor):
    """Bans, for each request that asked for it, what may not follow its last five generated tokens."""

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise ValueError for a request with a nonsensical option."""
        wants_blocking(sampling_params)

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:  # noqa: ARG002
        self.index = load_configured_index(vllm_config)
        self.device = device
        self.requests: dict[int, list[int]] = {}  # row -> generated tokens; vLLM appends to these very lists

    def is_argmax_invariant(self) -> bool:
        """False: a ban changes the greedy choice."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follow requests as they join, leave and move between rows."""
        process_dict_updates(self.requests, batch_update, self._accept)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits [requests, vocabulary], changed in place."""
        blocked = [(row, tokens) for row, tokens in self.requests.items() if len(tokens) >= CITATION_LENGTH]
        if not blocked:
            return logits
        recent = np.array([tokens[-CITATION_LENGTH:] for _, tokens in blocked], dtype=np.int64)
        if recent.min() < 0:
            raise RuntimeError("vLLM has not filled in the last tokens yet; turn asynchronous scheduling off.")
        at, tokens = self.index.banned(recent)
        if at.size:
            rows = np.array([row for row, _ in blocked])[at]
            banned = torch.from_numpy(np.stack([rows, tokens.astype(np.int64)])).to(self.device)
            logits[banned[0], banned[1]] = -torch.inf
        return logits

    @staticmethod
    def _accept(sampling_params: Any, _prompt: list[int] | None, generated: list[int]) -> list[int] | None:
        return generated if wants_blocking(sampling_params) else None
