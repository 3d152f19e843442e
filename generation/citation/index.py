"""What may not be generated next: one look-up per step for the whole batch, with no state but the last five tokens.

`CitationIndex` knows no engine and computes with numpy alone; an adapter per engine asks it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from generation.citation.storage import CitationIndexError, IndexIdentity, load_table, save_table
from generation.citation.table import (
    CITATION_LENGTH,
    MULTIPLIERS,
    BanTable,
    Flags,
    Int64s,
    Integers,
    build_table,
    enumerate_ranges,
)
from generation.citation.training_set import TrainingSet


class Boundaries(Protocol):
    """A tokenizer's word boundaries, as `generation.citation.boundaries.WordBoundaries` gives them."""

    @property
    def tokenizer_hash(self) -> str:
        """Identity of the tokenizer."""
        ...

    def between(self, left: Integers, right: Integers) -> Flags:
        """True where a word ends between left[i] and right[i]."""
        ...


@dataclass(frozen=True)
class CitationCount:
    """Of one continuation: steps whose last five generated tokens stand in the training set, and steps where the token
    that would have been taken was banned."""

    matches: int
    effective_blocks: int


class CitationIndex:
    """Built once per tokenizer and training set; every method is safe to call from several threads."""

    def __init__(self, table: BanTable, identity: IndexIdentity) -> None:
        self.table = table
        self.identity = identity
        # Views that cost no memory: the five tokens at each position, and the keys from each run on.
        self._windows = sliding_window_view(table.tokens, CITATION_LENGTH)
        self._buckets = sliding_window_view(table.keys, table.widest)
        self._bucket_shift, self._span = table.bucket_shift, np.uint64(table.span)
        self._shift = np.uint64(64 - table.hash_bits)
        self._lift = np.uint64(table.position_bits)

    @classmethod
    def build(cls, training_set: TrainingSet, boundaries: Boundaries) -> Self:
        """Index a training set; half a million tokens take well under a second."""
        table = build_table(training_set, boundaries.between)
        return cls(table, IndexIdentity(boundaries.tokenizer_hash, training_set.sha256))

    @classmethod
    def load(cls, folder: Path, tokenizer_hash: str | None = None, training_set_hash: str | None = None) -> Self:
        """Map a saved index into memory.

        Raises CitationIndexError if it is damaged, or not of the tokenizer or training set whose hash is given.
        """
        table, identity = load_table(folder)
        if tokenizer_hash not in {None, identity.tokenizer_hash}:
            raise CitationIndexError(f"{folder} was built with another tokenizer. Build it with the checkpoint's own.")
        if training_set_hash not in {None, identity.training_set_hash}:
            raise CitationIndexError(f"{folder} was built from another training set. Build it again from this one.")
        return cls(table, identity)

    def save(self, folder: Path) -> None:
        """Write the index to a new folder; it appears complete or not at all."""
        save_table(folder, self.table, self.identity)

    @property
    def vocabulary_size(self) -> int:
        """Least number of token ids a model must have for the bans to mean anything to it."""
        return int(self.table.banned.max(initial=-1)) + 1

    def banned(self, recent: Integers) -> tuple[Int64s, Integers]:
        """Pairs (row, token) to ban, for the last five generated tokens of each row.

        `recent` is [rows, 5]; a row with less than five tokens holds -1 in the missing places, and bans nothing.
        """
        rows, runs = self.find(recent)
        if not rows.size:
            return rows, self.table.banned[:0]
        first = self.table.offsets[runs].astype(np.int64)
        counts = self.table.offsets[runs + 1] - first
        return np.repeat(rows, counts), self.table.banned[enumerate_ranges(first, counts)]

    def find(self, recent: Integers) -> tuple[Int64s, Int64s]:
        """Rows of `recent` [rows, 5] that stand in the training set, ascending, and the run of the table each is."""
        last = np.ascontiguousarray(recent, dtype=np.int64)
        keys = self._keys(last)
        first = self.table.directory[keys >> self._bucket_shift]
        gaps = self._buckets[first]
        gaps -= keys[:, None]
        # A key of the same hash exceeds ours by its position; read as unsigned, a smaller key is far away.
        rows, probes = (gaps.view(np.uint64) < self._span).nonzero()
        if not rows.size:
            return rows, rows
        same = (self._windows[gaps[rows, probes]] == last[rows]).all(axis=1)
        return rows[same], (first[rows] + probes)[same]

    def count(self, generated: Integers, preferred: Integers | None = None) -> CitationCount:
        """Matches and effective blocks in the generated tokens of one continuation, in order.

        `preferred[i]` is the token that step i would have taken without the blocker; without it, no block is counted.
        The last five tokens of all are no match: no step came after them.
        """
        if generated.size <= CITATION_LENGTH:
            return CitationCount(0, 0)
        recent = sliding_window_view(generated[:-1], CITATION_LENGTH)
        matches = self.find(recent)[0].size
        if preferred is None:
            return CitationCount(matches, 0)
        steps, tokens = self.banned(recent)
        return CitationCount(matches, int((preferred[steps + CITATION_LENGTH] == tokens).sum()))

    def _keys(self, recent: Int64s) -> Int64s:
        hashes = recent.view(np.uint64) @ MULTIPLIERS
        hashes >>= self._shift
        hashes <<= self._lift
        return hashes.view(np.int64)
