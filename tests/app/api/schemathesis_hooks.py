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
