"""A citation index on disk: arrays that are mapped into memory, and a small file that says what they belong to."""

import json
import shutil
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from app.errors import ToprankError
from generation.citation.table import BanTable

FORMAT = 1
NUMBERS = ("hash_bits", "position_bits", "widest")
DESCRIPTION = "citation_index.json"
ARRAYS = {"keys": "i8", "directory": "i4", "offsets": "i4 i8", "banned": "i4", "tokens": "i4"}  # allowed types


class CitationIndexError(ToprankError):
    """The citation index cannot be used: it is damaged, or belongs to another tokenizer or training set."""

    status_code = HTTPStatus.CONFLICT


@dataclass(frozen=True)
class IndexIdentity:
    """What an index was built from: SHA-256 of the tokenizer's meaning and of the training set's tokens."""

    tokenizer_hash: str
    training_set_hash: str


def save_table(folder: Path, table: BanTable, identity: IndexIdentity) -> None:
    """Write an index to a folder that must not exist yet; it appears complete or not at all."""
    if folder.exists():
        raise CitationIndexError(f"{folder} exists already. Remove it, or save the citation index somewhere else.")
    unfinished = folder.with_name(f".{folder.name}.{uuid4().hex}")
    unfinished.mkdir(parents=True)
    try:
        for name in ARRAYS:
            np.save(unfinished / f"{name}.npy", getattr(table, name), allow_pickle=False)
        sizes = {name: getattr(table, name).size for name in ARRAYS}
        numbers = {name: getattr(table, name) for name in NUMBERS}
        description = {"format": FORMAT, **asdict(identity), **numbers, "sizes": sizes}
        (unfinished / DESCRIPTION).write_text(json.dumps(description, indent=2), encoding="utf-8")
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def load_table(folder: Path) -> tuple[BanTable, IndexIdentity]:
    """Map an index into memory; CitationIndexError says in one line why a folder holds none that can be used."""
    try:
        found = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except OSError as error:
        raise CitationIndexError(
            f"{folder} holds no citation index ({DESCRIPTION} cannot be read). Build it."
        ) from error
    except ValueError as error:
        raise CitationIndexError(f"{folder / DESCRIPTION} is damaged. Build the citation index again.") from error
    if found.get("format") != FORMAT:
        raise CitationIndexError(f"{folder} is of format {found.get('format')}, not {FORMAT}. Build the index again.")
    arrays = {name: _map_array(folder / f"{name}.npy", kinds, found["sizes"][name]) for name, kinds in ARRAYS.items()}
    table = BanTable(**arrays, **{name: found[name] for name in NUMBERS})
    return table, IndexIdentity(found["tokenizer_hash"], found["training_set_hash"])


def _map_array(path: Path, kinds: str, size: int) -> Any:
    """One array, checked for type and length; as a plain ndarray, since the memmap class makes each look-up slower."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CitationIndexError(f"{path} is missing or damaged. Build the citation index again.") from error
    if array.shape != (size,) or array.dtype.str[1:] not in kinds.split():
        raise CitationIndexError(f"{path} does not hold what {DESCRIPTION} says. Build the citation index again.")
    return array.view(np.ndarray)
