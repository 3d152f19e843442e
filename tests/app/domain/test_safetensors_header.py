"""The header parser agrees with the library on everything it accepts, and refuses everything else in words."""

import io
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save

from app.domain.safetensors_header import DTYPES, HeaderError, Tensor, read_header

NUMPY = {"F32": "float32", "I64": "int64", "U8": "uint8", "F16": "float16", "BOOL": "bool"}
PIECES = [
    '{"a":',
    '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}',
    "}",
    "{",
    '"',
    "\\",
    "[",
    "]",
    ",",
    ":",
    "0",
    " ",
]
shapes = st.lists(st.integers(0, 3), max_size=4).map(tuple)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(lambda name: name != "__metadata__")


def parse(content: bytes) -> dict[str, Tensor]:
    return read_header(io.BytesIO(content), len(content))


def by_the_library(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, tuple[int, ...]]]:
    file = tmp_path_factory.mktemp("library") / "x.safetensors"
    file.write_bytes(content)
    with safe_open(file, framework="numpy") as opened:
        slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
        return {name: (one.get_dtype(), tuple(one.get_shape())) for name, one in slices.items()}


@settings(max_examples=60, deadline=None)
@given(tensors=st.dictionaries(names, st.tuples(st.sampled_from(sorted(NUMPY)), shapes), max_size=6))
def test_what_the_library_writes_is_read(tensors: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    import numpy as np

    content = save({name: np.zeros(shape, NUMPY[dtype]) for name, (dtype, shape) in tensors.items()}, {"by": "us"})
    found = parse(content)
    assert {name: (one.dtype, one.shape) for name, one in found.items()} == tensors


@settings(max_examples=300, deadline=None)
@given(
    text=st.one_of(st.binary(max_size=80), st.lists(st.sampled_from(PIECES), max_size=14).map("".join).map(str.encode)),
    data=st.binary(max_size=8),
)
def test_anything_is_refused_in_words_or_read_as_the_library_reads_it(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, data: bytes
) -> None:
    content = len(text).to_bytes(8, "little") + text + data
    try:
        found = parse(content)
    except HeaderError:
        return
    theirs = by_the_library(content, tmp_path_factory)
    assert {name: (one.dtype, one.shape) for name, one in found.items()} == theirs


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 400), byte=st.integers(0, 255))
def test_one_wrong_byte_is_refused_or_means_the_same_to_both(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int
) -> None:
    import numpy as np

    content = bytearray(save({"a": np.zeros((2, 3), "float32"), "b": np.zeros(5, "int64")}, {"format": "pt"}))
    content[at % len(content)] = byte
    try:
        found = parse(bytes(content))
    except HeaderError:
        return
    assert {name: (one.dtype, one.shape) for name, one in found.items()} == by_the_library(
        bytes(content), tmp_path_factory
    )


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_each_dtype_has_the_size_that_the_library_knows(dtype: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    size = math.lcm(DTYPES[dtype], 8)  # a whole number of bytes and of elements
    elements = size * 8 // DTYPES[dtype]
    header = json.dumps({"a": {"dtype": dtype, "shape": [elements], "data_offsets": [0, size]}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(size)
    assert parse(content)["a"].shape == (elements,)
    assert by_the_library(content, tmp_path_factory)["a"] == (dtype, (elements,))
