"""Files as parts of a request's JSON: bytes in base64, bounded one by one and together; a fault names its file."""

import binascii
import io
from base64 import b64decode
from collections.abc import Sequence
from typing import Annotated, BinaryIO

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from app.api_fields import LINE, Body

MIB = 2**20
LARGEST_FILE, LARGEST_TOGETHER = 32 * MIB, 64 * MIB
MOST_FILES = 1000
BASE64 = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
LONGEST = LARGEST_FILE // 3 * 4 + 4
IN_BASE64 = {
    "type": "string",
    "contentEncoding": "base64",
    "pattern": BASE64,
    "maxLength": LONGEST,
    "examples": ["iVBORw0KGgo="],
}


class SentFile(Body):
    """A file: its name, whose ending says what it is, and its bytes in base64."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=LINE, examples=["0001.png"])]
    content: Annotated[bytes, WithJsonSchema(IN_BASE64)]

    @field_validator("content", mode="before")
    @classmethod
    def decoded(cls, value: object, info: ValidationInfo) -> bytes:
        """The bytes, which may be no more than one file may have."""
        name = info.data.get("name", "The file")
        if not isinstance(value, str):
            raise ValueError(f"{name} is no text; send its bytes in base64.")
        if len(value) > LARGEST_FILE // 3 * 4 + 4:
            raise ValueError(f"{name} has more than {LARGEST_FILE // MIB} MiB; a command reads larger ones.")
        try:
            return b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"{name} is not in base64.") from error


def _bounded(files: list[SentFile]) -> list[SentFile]:
    so_far = 0
    for file in files:
        so_far += len(file.content)
        if so_far > LARGEST_TOGETHER:
            most = LARGEST_TOGETHER // MIB
            raise ValueError(f"With {file.name} the files have more than {most} MiB together; send fewer at a time.")
    return files


SentFiles = Annotated[list[SentFile], Field(min_length=1, max_length=MOST_FILES), AfterValidator(_bounded)]


def opened(files: Sequence[SentFile]) -> list[tuple[str, BinaryIO]]:
    """The files as a form would bring them."""
    return [(file.name, io.BytesIO(file.content)) for file in files]
