"""Read the header of a safetensors file without a library that would load it: what it says, strictly checked.

The header is a length in 8 bytes, then JSON of one object. Our grammar is narrower than JSON: an unknown key, a key
given twice, a hole or an overlap between tensors is an error, since two readers might see two different files.
Memory depends on the header, of 8 MiB at most, and never on the weights.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from app.errors import ToprankError

LONGEST_HEADER = 8 * 2**20
MOST_DIMENSIONS = 32
LARGEST = 2**63 - 1
# Bits of one element.
DTYPES = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")
      | (?P<number>0(?![0-9])|[1-9][0-9]{0,18}(?![0-9]))
      | (?P<mark>[][{}:,])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)


class HeaderError(ToprankError):
    """The header of a safetensors file is not what the format allows."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a file; its bytes are [begin, end) after the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read_header(stream: BinaryIO, size: int) -> dict[str, Tensor]:
    """The tensors by name of a file of `size` bytes, from its beginning. Raises HeaderError with the reason."""
    start = stream.read(8)
    if len(start) < 8:
        raise HeaderError("it is too short to have a header")
    length = int.from_bytes(start, "little")
    if length > LONGEST_HEADER:
        raise HeaderError(f"its header says it is {length:,} bytes long; at most {LONGEST_HEADER:,} are read")
    if length > size - 8:
        raise HeaderError(f"its header says it is {length:,} bytes long, but the file ends before")
    text = stream.read(length)
    if len(text) < length or not text.startswith(b"{"):
        raise HeaderError("it does not start with the header of a safetensors file")
    try:
        tensors = Parser(text.decode()).header()
    except UnicodeDecodeError as error:
        raise HeaderError("its header is not UTF-8") from error
    _check_layout(tensors, size - 8 - length)
    return tensors


class Parser:
    """One pass over a header's text, token by token."""

    def __init__(self, text: str) -> None:
        self.tokens = self._split(text)

    def header(self) -> dict[str, Tensor]:
        """The whole header: tensors by name, and perhaps `__metadata__`, which is checked and left out."""
        tensors: dict[str, Tensor] = {}
        for name in self._keys():
            if name == "__metadata__":
                for _ in self._keys():
                    self._string()
            else:
                tensors[name] = self._tensor(name)
        self._expect("")
        return tensors

    @staticmethod
    def _split(text: str) -> Iterator[tuple[str, str]]:
        at = 0
        while True:
            found = TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise HeaderError(f"its header is no JSON of this format at character {at:,}")
            yield found.lastgroup, found[found.lastgroup]
            if found.lastgroup == "end":
                return
            at = found.end()

    def _tensor(self, name: str) -> Tensor:
        dtype, shape, offsets = "", None, None
        for key in self._keys():
            if key == "dtype":
                dtype = self._string()
            elif key == "shape":
                shape = self._numbers(most=MOST_DIMENSIONS)
            elif key == "data_offsets":
                offsets = self._numbers(most=2)
            else:
                raise HeaderError(f"the tensor {_short(name)} has an unknown property {_short(key)}")
        if not dtype or shape is None or offsets is None or len(offsets) != 2:
            raise HeaderError(f"the tensor {_short(name)} lacks its dtype, its shape or its two offsets")
        if dtype not in DTYPES:
            raise HeaderError(f"the tensor {_short(name)} has an unknown dtype {_short(dtype)}")
        return _checked(name, Tensor(dtype, shape, offsets[0], offsets[1]))

    def _keys(self) -> Iterator[str]:
        """The keys of an object; the caller takes each key's value before it asks for the next."""
        self._expect("{")
        seen: set[str] = set()
        kind, value = next(self.tokens)
        while value != "}" or kind != "mark":
            key = self._unquote(kind, value)
            if key in seen:
                raise HeaderError(f"its header says {_short(key)} twice")
            seen.add(key)
            self._expect(":")
            yield key
            if self._expect(",", "}") == "}":
                return
            kind, value = next(self.tokens)
            if kind == "mark":
                raise HeaderError("its header has a comma too many")

    def _numbers(self, *, most: int) -> tuple[int, ...]:
        self._expect("[")
        numbers: list[int] = []
        kind, value = next(self.tokens)
        while not (kind == "mark" and value == "]" and not numbers):
            if kind != "number":
                raise HeaderError("its header has something else where a whole number belongs")
            numbers.append(int(value))
            if len(numbers) > most:
                raise HeaderError(f"its header has a list of more than {most} numbers")
            if self._expect(",", "]") == "]":
                break
            kind, value = next(self.tokens)
        return tuple(numbers)

    def _string(self) -> str:
        return self._unquote(*next(self.tokens))

    @staticmethod
    def _unquote(kind: str, value: str) -> str:
        if kind != "string":
            raise HeaderError("its header has something else where a text belongs")
        text: str = json.loads(value)
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise HeaderError("its header has half a character in a text")
        return text

    def _expect(self, *marks: str) -> str:
        kind, value = next(self.tokens)
        if kind not in ("mark", "end") or value not in marks:
            raise HeaderError("its header is cut off or has something between its parts")
        return value


def _checked(name: str, tensor: Tensor) -> Tensor:
    bits = DTYPES[tensor.dtype]
    for dimension in tensor.shape:
        bits *= dimension
        if bits > LARGEST or dimension > LARGEST:
            raise HeaderError(f"the tensor {_short(name)} has a shape that no machine can hold")
    if bits % 8 or tensor.end - tensor.begin != bits // 8:
        raise HeaderError(
            f"the tensor {_short(name)} has {tensor.end - tensor.begin:,} bytes, not what its shape needs"
        )
    return tensor


def _check_layout(tensors: dict[str, Tensor], data_size: int) -> None:
    """Every byte after the header belongs to exactly one tensor."""
    at = 0
    for name, tensor in sorted(tensors.items(), key=lambda pair: (pair[1].begin, pair[1].end)):
        if tensor.begin != at:
            fault = "overlaps another" if tensor.begin < at else "leaves a hole before it"
            raise HeaderError(f"the tensor {_short(name)} {fault}")
        at = tensor.end
    if at != data_size:
        raise HeaderError(f"its tensors need {at:,} bytes after the header, and the file has {data_size:,}")


def _short(text: str) -> str:
    """A name from a stranger's file, fit for one line."""
    return ascii(text if len(text) <= 80 else text[:79] + "…")
