"""/api/v1/audit: who did what, for admins' programs."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from app.api_fields import TEXT
from app.auth.api_tokens import ApiAdmin
from app.dependencies import DbSession
from app.domain.audit import AuditFilter, AuditLine, audit_after
from app.paging import LARGEST_ID, Page, Paging, page

router = APIRouter(prefix="/audit", tags=["audit"])

Word = Annotated[str | None, Field(max_length=320, pattern=TEXT)]


class AuditRequest(Paging):
    """Which entries; `action` is a whole one, such as `person.invite`, or its beginning, `person`."""

    action: Word = None
    actor: Word = None
    subject_type: Word = None
    subject_id: Annotated[int | None, Field(ge=1, le=LARGEST_ID)] = None


class AuditAnswer(BaseModel):
    """An entry; `actor` is the present address of who did it, null for a command or a rule."""

    id: int
    at: datetime
    actor: str | None
    action: str
    subject: str
    subject_type: str | None
    subject_id: int | None
    detail: dict[str, Any]

    @classmethod
    def of(cls, line: AuditLine) -> Self:
        """What a line says."""
        entry = line.entry
        return cls(
            id=entry.id,
            at=entry.at,
            actor=line.actor,
            action=entry.action,
            subject=line.subject,
            subject_type=entry.subject_type,
            subject_id=entry.subject_id,
            detail=entry.detail,
        )


@router.get("")
def list_audit(
    request: Request, _admin: ApiAdmin, session: DbSession, asked: Annotated[AuditRequest, Query()]
) -> Page[AuditAnswer]:
    """The audit log, the oldest entry first."""
    wanted = AuditFilter(asked.action, asked.actor, asked.subject_type, asked.subject_id)
    return page(request, asked, audit_after(session, wanted, asked.after, limit=asked.fetched), AuditAnswer.of)
