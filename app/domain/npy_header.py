"""Read the header of a .npy file without numpy, which would parse it as Python: a list of integers, or an error."""

import re
from typing import BinaryIO

from app.errors import ToprankError

MAGIC = b"\x93NUMPY\x01\x00"
HEADER = re.compile(rb"\{'descr': '<i([48])', 'fortran_order': False, 'shape': \(([0-9]{1,12}),\), \} *\n")


class NpyError(ToprankError):
    """A .npy file is something else than a list of integers."""


def check_integers(stream: BinaryIO, size: int) -> None:
    """Raises NpyError unless a file of `size` bytes holds a list of 4- or 8-byte integers, and nothing else."""
    start = stream.read(len(MAGIC) + 2)
    if not start.startswith(MAGIC) or len(start) < len(MAGIC) + 2:
        raise NpyError("it does not start as a .npy file of version 1 does")
    length = int.from_bytes(start[-2:], "little")
    found = HEADER.fullmatch(stream.read(length))
    if found is None:
        raise NpyError("it holds something else than a list of integers")
    needed = len(start) + length + int(found[1]) * int(found[2])
    if needed != size:
        raise NpyError(f"its list needs {needed:,} bytes, and the file has {size:,}")
