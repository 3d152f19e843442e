"""/api/v1/uploads: which of one's own uploads are not finished."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.requests import Request

from app.auth.api_tokens import bearer
from app.checkpoints.uploads import Unfinished, unfinished_uploads
from app.dependencies import DbSession
from app.models import Person
from app.models.person import TokenScope
from app.paging import Page, Paging, page

router = APIRouter(prefix="/uploads", tags=["checkpoints"])
Sender = Annotated[Person, Depends(bearer(TokenScope.UPLOAD))]


class UnfinishedUpload(BaseModel):
    """An upload under way, in bytes; announced again, it goes on where it was."""

    id: UUID
    checkpoint: int
    name: str
    received: int
    size: int
    touched_at: datetime

    @classmethod
    def of(cls, one: Unfinished) -> Self:
        """What the rows say."""
        return cls(
            id=one.upload_id,
            checkpoint=one.checkpoint_id,
            name=one.name,
            received=one.received,
            size=one.size,
            touched_at=one.touched_at,
        )


@router.get("")
def list_uploads(
    request: Request, sender: Sender, session: DbSession, paging: Annotated[Paging, Query()]
) -> Page[UnfinishedUpload]:
    """One's own uploads that are not finished, the oldest checkpoint first."""
    rows = unfinished_uploads(session, sender.id, after=paging.after, limit=paging.fetched)
    return page(request, paging, rows, UnfinishedUpload.of)
