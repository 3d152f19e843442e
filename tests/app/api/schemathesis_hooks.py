"""What schemathesis cannot know of the API: an Idempotency-Key is new for each write."""

import re
from typing import Any
from uuid import uuid4

import schemathesis

KEY = "Idempotency-Key"
VALID = re.compile(r"[!-~]{1,255}")


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Replace a valid key by a new one, unless something about the request is wrong on purpose."""
    is_wrong = case.meta is not None and case.meta.generation.mode.is_negative
    sent = case.headers.get(KEY) if case.headers else None
    if not is_wrong and isinstance(sent, str) and VALID.fullmatch(sent):
        case.headers[KEY] = str(uuid4())


@schemathesis.serializer("application/offset+octet-stream")
def part_of_a_file(_context: schemathesis.SerializationContext, value: Any) -> dict[str, Any]:
    """Any bytes are a part of a file."""
    return {"data": value if isinstance(value, bytes) else str(value).encode()}
