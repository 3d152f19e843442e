"""/api/v1/audit: who did what, for admins' programs."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from app.api_fields import TEXT, WrittenPeriod
from app.auth.api_tokens import ApiAdmin
from app.dependencies import DbSession
from app.domain.audit import AuditFilter, AuditLine, audit_after
from app.paging import LARGEST_ID, Page, Paging, page

router = APIRouter(prefix="/audit", tags=["audit"])

Word = Annotated[str | None, Field(max_length=320, pattern=TEXT)]


class AuditRequest(Paging, WrittenPeriod):
    """Which entries."""

    action: Annotated[
        Word, Field(description="A whole one or its beginning, `person`.", examples=["person.invite"])
    ] = None
    actor: Annotated[Word, Field(description="Only what this person did.", examples=["ada@lab.example"])] = None
    subject_type: Annotated[Word, Field(description="Only what was done to such.", examples=["study"])] = None
    subject_id: Annotated[
        int | None, Field(ge=1, le=LARGEST_ID, description="Only what was done to this one.", examples=[1])
    ] = None

    @property
    def filter(self) -> AuditFilter:
        """The same for the domain."""
        chosen = self.model_dump(include={"action", "actor", "subject_type", "subject_id"})
        return AuditFilter(**chosen, since=self.since, until=self.until)


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
    return page(request, asked, audit_after(session, asked.filter, asked.after, limit=asked.fetched), AuditAnswer.of)
