"""The header Idempotency-Key: a program that got no answer to a write may ask again, and it is done once.

@router.post("", status_code=201)
def create(_writer: ApiWriter, session: DbSession, once: Once, body: NewStudy) -> StudySummary:
    return once(StudySummary, lambda: StudySummary.of(create_study(session, body.plan)))
"""

import hashlib
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Header
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import DbSession, Visitor
from app.domain.idempotency import answer_once

Answer = TypeVar("Answer", bound=BaseModel)
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Any text of your own, new for each write: asked again with it, the write is answered as before.",
        examples=["d9b2d63d-3a1f-4a6f-9a8b-2f6f1f0f6f1e"],
    ),
]


class OnceOnly:
    """Does one request's write, unless its key was seen before: then the answer is the first one's."""

    def __init__(self, request: Request, response: Response, session: DbSession, body: bytes, key: str | None) -> None:
        self.request, self.response, self.session, self.key = request, response, session, key
        self.fingerprint = _fingerprint(request, body)

    def __call__(
        self, kind: type[Answer], deed: Callable[[], Answer], *, secrets: frozenset[str] = frozenset()
    ) -> Answer:
        """What the deed answers, now or the first time; `secrets` are fields that no replay has."""
        if self.key is None:
            return deed()
        visitor: Visitor = self.request.state.person
        done: list[Answer] = []

        def kept_form() -> str:
            done.append(deed())
            return done[0].model_copy(update=dict.fromkeys(secrets)).model_dump_json()

        kept = answer_once(self.session, visitor.id, self.key, self.fingerprint, kept_form)
        if kept is None:
            return done[0]
        self.response.headers["Idempotency-Replayed"] = "true"
        return kind.model_validate_json(kept)


def _fingerprint(request: Request, body: bytes) -> str:
    asked = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(asked.encode() + body).hexdigest()


async def _once(request: Request, response: Response, session: DbSession, key: Key = None) -> OnceOnly:
    return OnceOnly(request, response, session, await request.body(), key)


Once = Annotated[OnceOnly, Depends(_once)]
