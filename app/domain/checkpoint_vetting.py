"""Look through a folder of strangers' files before any loader opens it: nothing in it is executed, loaded or followed.

Every file is opened without following links, its name is on the list, its size bounded, its JSON plain data that asks
for no code, and the headers of its weights are sound and are what the index says.
"""

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from app.domain.checkpoint_names import (
    CITATION_INDEX,
    CURVE,
    INDEX,
    LINEAGE,
    MOST_FILES,
    SHARD,
    WEIGHTS,
    listing_faults,
)
from app.domain.curve_file import CurveError, CurvePoint, parse_curve
from app.domain.npy_header import NpyError, check_integers
from app.domain.safetensors_header import HeaderError, Tensor, read_header
from app.errors import ToprankError

DEEPEST_JSON = 100
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # and not a backslash followed by u0000
SHOWN = 5
# Keys that make a loader fetch or run code.
CODE_KEYS = frozenset({"auto_map", "trust_remote_code", "custom_pipelines", "code_revision"})
# In a table of tokens any text is a key, and its value a number.
TABLES = frozenset({"tokenizer.json", "vocab.json", "added_tokens.json"})


class CheckpointRefusedError(ToprankError):
    """These files are no checkpoint that may be loaded."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, faults: list[str]) -> None:
        more = f" And {len(faults) - SHOWN:,} more faults." if len(faults) > SHOWN else ""
        super().__init__(f"This is no checkpoint that may be loaded. {' '.join(faults[:SHOWN])}{more}")


class FileFaultError(Exception):
    """What is wrong with one file."""


def vet_listing(sizes: dict[str, int]) -> None:
    """Check names and sizes. Raises CheckpointRefusedError, before the first byte has to come."""
    if faults := listing_faults(sizes):
        raise CheckpointRefusedError(faults)


def vet_folder(folder: Path) -> int:
    """Check all of a folder, and return how many parameters its weights hold. Raises CheckpointRefusedError."""
    sizes = _sizes(folder)
    vet_listing(sizes)
    faults: list[str] = []
    headers: dict[str, dict[str, Tensor]] = {}
    for name, size in sorted(sizes.items()):
        try:
            if name.endswith(".safetensors"):
                headers[name] = _header(folder / name, size)
            elif name.endswith(".npy"):
                _check_array(folder / name, size)
            elif name == CURVE:
                read_curve(folder / name)
            elif name.endswith(".json") and name != INDEX:
                read_json(folder / name)
        except FileFaultError as fault:
            faults.append(f"{name}: {fault}.")
    if not faults and INDEX in sizes:
        faults.extend(f"{INDEX}: {fault}." for fault in _index_faults(folder / INDEX, headers))
    if faults:
        raise CheckpointRefusedError(faults)
    return sum(_elements(tensor) for tensors in headers.values() for tensor in tensors.values())


def _sizes(folder: Path) -> dict[str, int]:
    """Size of each file. A folder of any number of files costs no more than one with a few too many."""
    sizes = _sizes_in(folder, but=CITATION_INDEX)
    inner = folder / CITATION_INDEX
    if inner.is_dir() and not inner.is_symlink():
        sizes |= {f"{CITATION_INDEX}/{name}": size for name, size in _sizes_in(inner).items()}
    return sizes


def _sizes_in(folder: Path, *, but: str | None = None) -> dict[str, int]:
    sizes: dict[str, int] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            found = entry.stat(follow_symlinks=False)
            if entry.name == but and stat.S_ISDIR(found.st_mode):
                continue
            if not stat.S_ISREG(found.st_mode):
                raise CheckpointRefusedError([f"{entry.name[:80]!a} is no plain file."])
            sizes[entry.name] = found.st_size
            if len(sizes) > MOST_FILES:
                break
    return sizes


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """The file itself, and neither what a link points to nor what a device would do when it is opened."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise FileFaultError("it cannot be opened") from error
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileFaultError("it is no plain file")
        yield stream


def _header(file: Path, size: int) -> dict[str, Tensor]:
    with _opened(file) as stream:
        try:
            tensors = read_header(stream, size)
        except HeaderError as error:
            raise FileFaultError(str(error)) from error
    if not tensors:
        raise FileFaultError("it holds no tensor")
    return tensors


def _check_array(file: Path, size: int) -> None:
    with _opened(file) as stream:
        try:
            check_integers(stream, size)
        except NpyError as error:
            raise FileFaultError(str(error)) from error


def _elements(tensor: Tensor) -> int:
    elements = 1
    for dimension in tensor.shape:
        elements *= dimension
    return elements


def read_json(file: Path) -> Any:
    """The file's object; of a table of tokens only that it is sound, since nobody here needs its values."""
    with _opened(file) as stream:
        text = stream.read()
    is_table = file.name in TABLES
    try:
        found = json.loads(text.decode(), object_pairs_hook=_object(is_table=is_table))
    except RecursionError as error:
        raise FileFaultError("it is nested too deeply") from error
    except ValueError as error:
        raise FileFaultError("it is no JSON") from error
    if not isinstance(found, dict):
        raise FileFaultError("it holds no object")
    if _depth(found) > DEEPEST_JSON:
        raise FileFaultError("it is nested too deeply")
    if file.name == LINEAGE and not _can_be_kept(found):
        raise FileFaultError("it holds what no database keeps: NaN, infinity, a NUL or half a character")
    return found


def read_curve(file: Path) -> list[CurvePoint]:
    """The points of a curve. Raises FileFaultError."""
    with _opened(file) as stream:
        try:
            return parse_curve(stream)
        except CurveError as error:
            raise FileFaultError(str(error)) from error


def _can_be_kept(found: dict[str, Any]) -> bool:
    try:
        text = json.dumps(found, allow_nan=False, ensure_ascii=False)
        text.encode()
    except ValueError:
        return False
    return NUL.search(text) is None


def _object(*, is_table: bool) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, value in pairs:
            if key in CODE_KEYS and not (is_table and type(value) is int):
                raise FileFaultError(f"it asks for code by {key}; no code comes with a checkpoint")
            if key.endswith("attn_implementation") and isinstance(value, str) and "/" in value:
                raise FileFaultError(f"it asks for code by {key}; no code comes with a checkpoint")
        found = dict(pairs)
        if len(found) < len(pairs):
            raise FileFaultError("it says a key twice")
        return {} if is_table else found

    return checked


def _depth(value: Any) -> int:
    """How deeply lists and objects are nested, without recursion."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        waiting.extend((child, depth + 1) for child in inner)
        deepest = max(deepest, depth)
    return deepest


def _index_faults(file: Path, headers: dict[str, dict[str, Tensor]]) -> Iterator[str]:
    """Where the index and the shards differ; every tensor is in the shard that the index names, and in no other."""
    try:
        weight_map = read_json(file).get("weight_map")
    except FileFaultError as fault:
        yield str(fault)
        return
    if not isinstance(weight_map, dict) or not all(isinstance(shard, str) for shard in weight_map.values()):
        yield "it has no map from tensors to files"
        return
    for shard in sorted(set(weight_map.values()) - set(headers)):
        is_shard = SHARD.fullmatch(shard) or shard == WEIGHTS
        yield f"it names {shard[:80]!a}, which {'is absent' if is_shard else 'is no file of weights'}"
    for shard in sorted(headers):
        named = {tensor for tensor, where in weight_map.items() if where == shard}
        if named != set(headers[shard]):
            yield f"{shard} does not hold the tensors that it says"
