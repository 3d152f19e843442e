"""The table behind the citation blocker: each run of five tokens of the training set -> the tokens banned after it.

A key is the hash of five tokens and, in its low bits, a position where they stand in the training set, so that one sort
groups equal runs, and one array serves both the search and the check against the tokens themselves. A directory says
where the keys of each bucket of hashes begin: a look-up reads two places, where a binary search of a table larger than
the cache would wait for memory at every step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from generation.citation.training_set import TrainingSet

CITATION_LENGTH = 5
KEY_BITS = 62  # a key is a positive int64, in numpy and in torch; END is far above all
END = np.iinfo(np.int64).max
# Odd 64-bit constants: multilinear hashing, of which the high bits are used.
MULTIPLIERS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    dtype=np.uint64,
)

Integers: TypeAlias = npt.NDArray[np.integer[Any]]
Int64s: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
IsBoundary: TypeAlias = Callable[[Integers, Integers], Flags]


@dataclass(frozen=True, eq=False)
class BanTable:
    """Runs of five tokens, sorted by hash; run i bans `banned[offsets[i]:offsets[i + 1]]`.

    `keys` int64 [runs + widest], the last `widest` ones END; `directory` int32 [buckets], the first key of each bucket;
    `offsets` [runs + 1]; `banned` int32; `tokens` int32, the training set and five -1. `widest`: keys in the fullest
    bucket.
    """

    keys: Int64s
    directory: npt.NDArray[np.int32]
    offsets: Integers
    banned: npt.NDArray[np.int32]
    tokens: npt.NDArray[np.int32]
    hash_bits: int
    position_bits: int
    widest: int

    @property
    def span(self) -> int:
        """Number of positions a key has room for: two keys closer than this share a hash."""
        return 1 << self.position_bits

    @property
    def bucket_shift(self) -> int:
        """By how many bits to move a key to the right to have its bucket."""
        return self.hash_bits + self.position_bits - (self.directory.size.bit_length() - 1)


def lift_hashes(columns: list[Integers], hash_bits: int, position_bits: int) -> Int64s:
    """Keys with position 0 for runs of five tokens, given as five arrays: the hash, moved to the high bits."""
    total = np.zeros(columns[0].shape, dtype=np.uint64)
    for column, multiplier in zip(columns, MULTIPLIERS, strict=True):
        total += column.astype(np.uint64) * multiplier
    total >>= np.uint64(64 - hash_bits)
    total <<= np.uint64(position_bits)
    return total.view(np.int64)


def build_table(training_set: TrainingSet, is_boundary: IsBoundary, hash_bits: int | None = None) -> BanTable:
    """Index every run of five tokens that stands inside one sample.

    `is_boundary(t5, t6)` says for pairs of adjacent tokens where a word ends between them: only there t6 is banned.
    `hash_bits` is for tests, which force collisions by few bits.
    """
    position_bits = max(training_set.tokens.size, 1).bit_length()
    hash_bits = KEY_BITS - position_bits if hash_bits is None else hash_bits
    tokens = np.append(training_set.tokens, np.full(CITATION_LENGTH, -1, dtype=np.int32))
    keys = _sorted_keys(training_set, tokens, hash_bits, position_bits)
    opens = _open_groups(keys, tokens, position_bits)
    positions = keys & ((1 << position_bits) - 1)
    offsets, banned = _collect_bans(positions, opens, _banned_followers(training_set, is_boundary))
    keys = keys[opens]
    directory, widest = fill_directory(keys, hash_bits, position_bits)
    keys = np.append(keys, np.full(widest, END))
    return BanTable(keys, directory, offsets, banned, tokens, hash_bits, position_bits, widest)


def fill_directory(keys: Int64s, hash_bits: int, position_bits: int) -> tuple[npt.NDArray[np.int32], int]:
    """Where each bucket's keys begin, for one to two keys in a bucket on average, and the size of the fullest one."""
    bucket_bits = min(hash_bits, max(keys.size.bit_length() - 1, 0))
    counts = np.bincount(keys >> (hash_bits + position_bits - bucket_bits), minlength=1 << bucket_bits)
    begins = np.append(0, np.cumsum(counts)[:-1]).astype(np.int32)
    return begins, max(int(counts.max()), 1)


def _sorted_keys(training_set: TrainingSet, tokens: Integers, hash_bits: int, position_bits: int) -> Int64s:
    """One key per occurrence of a run of five tokens inside a sample, sorted."""
    starts = np.flatnonzero(_reaches(training_set, CITATION_LENGTH))
    columns = [tokens[shift : shift + training_set.tokens.size] for shift in range(CITATION_LENGTH)]
    keys = lift_hashes(columns, hash_bits, position_bits)[starts]
    keys |= starts
    keys.sort()
    return keys


def _reaches(training_set: TrainingSet, length: int) -> Flags:
    """True at each position from which `length` tokens follow inside the same sample, itself included."""
    ends = np.cumsum(training_set.lengths)
    reaches = np.ones(training_set.tokens.size, dtype=np.bool_)
    for back in range(1, length):
        reaches[ends[training_set.lengths >= back] - back] = False
    return reaches


def _open_groups(keys: Int64s, tokens: Integers, position_bits: int) -> Flags:
    """True where a run differs from the one before it; first reorders, in place, runs that only share a hash."""
    hashes = keys >> position_bits
    opens = np.ones(keys.size, dtype=np.bool_)
    repeated = np.flatnonzero(hashes[1:] == hashes[:-1]) + 1
    if not repeated.size:
        return opens
    differ = _runs_differ(keys, repeated, tokens, position_bits)
    collided = np.unique(hashes[repeated[differ]])
    if collided.size:
        first, last = hashes.searchsorted(collided), hashes.searchsorted(collided, side="right")
        affected = enumerate_ranges(first, last - first)
        _sort_by_tokens(keys, affected, tokens, position_bits)
        differ = _runs_differ(keys, repeated, tokens, position_bits)
    opens[repeated] = differ
    return opens


def _runs_differ(keys: Int64s, at: Int64s, tokens: Integers, position_bits: int) -> Flags:
    """Whether the five tokens behind keys[at] differ from those behind keys[at - 1]."""
    low = (1 << position_bits) - 1
    here, before = keys[at] & low, keys[at - 1] & low
    differ = np.zeros(at.size, dtype=np.bool_)
    for shift in range(CITATION_LENGTH):
        differ |= tokens[here + shift] != tokens[before + shift]
    return differ


def _sort_by_tokens(keys: Int64s, affected: Int64s, tokens: Integers, position_bits: int) -> None:
    """Within equal hashes, bring equal runs together."""
    chosen = keys[affected]
    positions = chosen & ((1 << position_bits) - 1)
    columns = [tokens[positions + shift] for shift in range(CITATION_LENGTH)]
    keys[affected] = chosen[np.lexsort([positions, *columns, chosen >> position_bits])]


def enumerate_ranges(starts: Int64s, counts: Integers) -> Int64s:
    """start, start + 1, ... for each of several ranges, end to end."""
    ends = np.cumsum(counts, dtype=np.int64)
    total = int(ends[-1]) if ends.size else 0
    numbers: Int64s = np.arange(total) + np.repeat(starts - (ends - counts), counts)
    return numbers


def _banned_followers(training_set: TrainingSet, is_boundary: IsBoundary) -> npt.NDArray[np.int32]:
    """For each position of a run's first token, the token banned after the run, or -1."""
    tokens = training_set.tokens
    followers = np.full(tokens.size, -1, dtype=np.int32)
    starts = np.flatnonzero(_reaches(training_set, CITATION_LENGTH + 1))
    last, following = tokens[starts + CITATION_LENGTH - 1], tokens[starts + CITATION_LENGTH]
    banned = is_boundary(last, following)
    followers[starts[banned]] = following[banned]
    return followers


def _collect_bans(positions: Int64s, opens: Flags, followers: Integers) -> tuple[Integers, npt.NDArray[np.int32]]:
    """Offsets and banned tokens per run: the distinct followers of its occurrences."""
    runs = np.cumsum(opens, dtype=np.int64) - 1
    following = followers[positions]
    banned = following >= 0
    pairs = runs[banned] << 32 | following[banned]
    pairs.sort()
    pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])] if pairs.size else pairs
    counts = np.bincount(pairs >> 32, minlength=int(opens.sum()))
    offsets = np.append(0, np.cumsum(counts))
    return offsets.astype(np.int32 if pairs.size < 2**31 else np.int64), (pairs & 0xFFFFFFFF).astype(np.int32)
