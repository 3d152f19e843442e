"""Whether an index that came with an uploaded checkpoint is sound: nothing in it points outside of it.

The look-ups trust the numbers of an index. One of our own keeps to them; one that a stranger sent might not.
"""

import numpy as np

from generation.citation.index import CitationIndex
from generation.citation.storage import CitationIndexError
from generation.citation.table import CITATION_LENGTH, END, KEY_BITS, BanTable, Integers, fill_directory, lift_hashes


def check_index(index: CitationIndex, *, vocabulary: int) -> None:
    """Raises CitationIndexError unless every number of the index is one that building it could give."""
    table = index.table
    for fault, is_sound in (
        ("its bits are no bits of a key", table.hash_bits > 0 and table.position_bits > 0),
        ("its bits are more than a key has", table.hash_bits + table.position_bits <= KEY_BITS),
        ("its keys do not end as they should", _ends_well(table)),
        ("its offsets lead outside of it", _offsets_are_sound(table)),
        ("it bans what is no token", _within(table.banned, 0, vocabulary)),
    ):
        if not is_sound:
            raise CitationIndexError(f"The citation index cannot be used: {fault}. Build it again.")
    if not _keys_are_sound(table):
        raise CitationIndexError("The citation index cannot be used: its keys are not those of its tokens.")


def _ends_well(table: BanTable) -> bool:
    return 0 < table.widest < table.keys.size + 1 and bool((table.keys[-table.widest :] == END).all())


def _offsets_are_sound(table: BanTable) -> bool:
    runs = table.keys.size - table.widest
    return (
        table.offsets.size == runs + 1
        and table.offsets[0] == 0
        and table.offsets[-1] == table.banned.size
        and bool((np.diff(table.offsets) >= 0).all())
    )


def _keys_are_sound(table: BanTable) -> bool:
    """Each key is the hash of the five tokens that stand where it says, and the directory is that of the keys."""
    keys = table.keys[: -table.widest]
    positions = keys & (table.span - 1)
    if not _within(positions, 0, table.tokens.size - CITATION_LENGTH + 1) or not bool((np.diff(keys) > 0).all()):
        return False
    columns = [table.tokens[positions + shift] for shift in range(CITATION_LENGTH)]
    if not bool((lift_hashes(columns, table.hash_bits, table.position_bits) | positions == keys).all()):
        return False
    directory, widest = fill_directory(keys, table.hash_bits, table.position_bits)
    return widest == table.widest and np.array_equal(directory, table.directory)


def _within(values: Integers, low: int, high: int) -> bool:
    return not values.size or (int(values.min()) >= low and int(values.max()) < high)
