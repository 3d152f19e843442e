"""A .npy file is opened only if its header says a list of integers, which is never evaluated."""

import io

import numpy as np
import pytest

from app.domain.npy_header import NpyError, check_integers


def saved(values: object, *, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=allow_pickle)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["i4", "i8"])
@pytest.mark.parametrize("length", [0, 1, 1000])
def test_lists_of_integers_pass(kind: str, length: int) -> None:
    content = saved(np.arange(length, dtype=kind))
    check_integers(io.BytesIO(content), len(content))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY\x01\x00",
        b"\x93NUMPY\x02\x00" + bytes(100),
        saved(np.zeros(3)),
        saved(np.zeros((2, 2), dtype="i8")),
        saved(np.array([{"a": 1}]), allow_pickle=True),
        saved(np.arange(3, dtype="i8")) + b"more",
        saved(np.arange(3, dtype="i8"))[:-1],
        b"\x93NUMPY\x01\x00\x20\x00" + b"__import__('os').system('true')\n",
    ],
)
def test_everything_else_is_refused(content: bytes) -> None:
    with pytest.raises(NpyError):
        check_integers(io.BytesIO(content), len(content))
