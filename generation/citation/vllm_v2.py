"""The citation blocker for vLLM's Model Runner V2, which a GPU runs.

The history of tokens lives on the device, so the look-up does too: the index as tensors, and no step that waits for
the device or whose shape depends on what it finds. A row of logits is not a request: with draft tokens a request has
several.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from vllm.v1.worker.gpu.sample.logits_processor import LogitsContext, LogitsProcessor, LogitsProcRequestState

from generation.citation.table import CITATION_LENGTH, MULTIPLIERS, BanTable
from generation.citation.vllm_options import load_index, requested_index


class DeviceTable:
    """A `BanTable` as tensors, answering for every row at once with fixed shapes."""

    def __init__(self, table: BanTable, device: torch.device) -> None:
        self.span = table.span
        self.hash_bits, self.position_bits, self.bucket_shift = table.hash_bits, table.position_bits, table.bucket_shift
        self.widest_ban = int(np.diff(table.offsets).max(initial=0))
        arrays = (table.keys, table.directory, table.offsets, table.banned, table.tokens)
        self.keys, self.directory, self.offsets, self.banned, self.tokens = (
            torch.from_numpy(np.array(array)).to(device) for array in arrays
        )
        self.multipliers = torch.from_numpy(MULTIPLIERS.view(np.int64)).to(device)
        self.probes = torch.arange(table.widest, device=device)
        self.window = torch.arange(CITATION_LENGTH, device=device)
        self.columns = torch.arange(self.widest_ban, device=device)

    def find(self, recent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """For the last five tokens [rows, 5]: do they stand in the training set [rows], and as which run [rows]?"""
        # int64 arithmetic wraps as uint64 does; the mask makes its right shift a logical one.
        hashes = ((recent * self.multipliers).sum(dim=1) >> (64 - self.hash_bits)) & ((1 << self.hash_bits) - 1)
        keys = hashes << self.position_bits
        runs = self.directory[keys >> self.bucket_shift].long()[:, None] + self.probes
        gaps = self.keys[runs] - keys[:, None]
        candidates = (gaps >= 0) & (gaps < self.span)
        positions = torch.where(candidates, gaps, 0)
        same = (self.tokens[positions[:, :, None] + self.window] == recent[:, None, :]).all(dim=2) & candidates
        probe = same.int().argmax(dim=1, keepdim=True)
        return same.any(dim=1), runs.gather(1, probe)[:, 0]

    def ban(self, logits: torch.Tensor, recent: torch.Tensor, wanted: torch.Tensor) -> None:
        """Set logits [rows, vocabulary] to -inf, in place, for what may not follow in the rows that are `wanted`."""
        if not self.widest_ban:
            return
        found, runs = self.find(recent)
        runs = torch.where(found & wanted, runs, 0)
        first = self.offsets[runs].long()
        counts = torch.where(found & wanted, self.offsets[runs + 1].long() - first, 0)
        applies = self.columns < counts[:, None]
        tokens = self.banned[torch.where(applies, first[:, None] + self.columns, 0)].long()
        # The least of a logit and +inf is the logit: places without a ban change nothing.
        limits = torch.where(applies, -torch.inf, torch.inf).to(logits.dtype)
        logits.scatter_reduce_(1, tokens, limits, reduce="amin")


class CitationBlockerV2(LogitsProcessor):
    """Bans, for each request that names an index, what may not follow its last five generated tokens by that index."""

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise ValueError for a request with a nonsensical option."""
        requested_index(sampling_params)

    def __init__(self, vllm_config: Any, req_states: LogitsProcRequestState) -> None:
        self.vocabulary_size = vllm_config.model_config.get_vocab_size()
        self.states = req_states
        self.window = torch.arange(CITATION_LENGTH, device=req_states.device)
        self.tables: list[DeviceTable] = []
        self._numbers: dict[Path, int] = {}  # of the table of each index, from 1
        self.blocked_by = np.zeros(req_states.max_num_reqs, dtype=np.int32)  # such a number for each slot, 0 for none
        self._on_device = torch.from_numpy(self.blocked_by.copy()).to(req_states.device)
        self._changed = False

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Note by which index the request that now holds the slot is blocked, and return whether by any."""
        folder = requested_index(sampling_params)
        number = 0 if folder is None else self._number_of(folder)
        self._changed |= bool(self.blocked_by[req_idx] != number)
        self.blocked_by[req_idx] = number
        return number > 0

    def apply_staged_writes(self) -> None:
        """Bring the notes to the device."""
        if self._changed:
            self._on_device = torch.from_numpy(self.blocked_by.copy()).to(self.states.device)
            self._changed = False

    def apply(self, logits: torch.Tensor, ctx: LogitsContext) -> torch.Tensor:
        """Logits [rows, vocabulary], changed in place."""
        numbers = [number for number in np.unique(self.blocked_by[ctx.idx_mapping_np]).tolist() if number]
        if not numbers:
            return logits
        slots = ctx.expanded_idx_mapping.long()
        recent, blocked_by = self._recent(slots, ctx), self._on_device[slots]
        for number in numbers:
            self.tables[number - 1].ban(logits, recent, blocked_by == number)
        return logits

    def _number_of(self, folder: Path) -> int:
        if folder not in self._numbers:
            self.tables.append(DeviceTable(load_index(folder, self.vocabulary_size).table, self.states.device))
            self._numbers[folder] = len(self.tables)
        return self._numbers[folder]

    def _recent(self, slots: torch.Tensor, ctx: LogitsContext) -> torch.Tensor:
        """The last five generated tokens a row follows [rows, 5], -1 where there are not so many.

        Committed tokens come from the history; the drafts before a row stand in `input_ids`, after the request's first
        row, which holds its last committed token.
        """
        prompt, total = self.states.prompt_len.gpu[slots].long(), self.states.total_len.gpu[slots].long()
        drafts = ctx.expanded_local_pos.long()
        places = (total + drafts)[:, None] + self.window - CITATION_LENGTH
        history = self.states.all_token_ids.gpu
        committed = history[slots[:, None], places.clamp(0, history.shape[1] - 1)].long()
        rows = torch.arange(len(slots), device=slots.device)
        draft_rows = (rows - drafts)[:, None] + places - total[:, None] + 1
        drafted = ctx.input_ids[draft_rows.clamp(0, len(ctx.input_ids) - 1)].long()
        tokens = torch.where(places < total[:, None], committed, drafted)
        return torch.where(places >= prompt[:, None], tokens, -1)
