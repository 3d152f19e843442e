"""/audit: who did what, the newest first."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import CurrentAdmin, DbSession
from app.domain.audit import PAGE, AuditFilter, audit_page, audited_actions
from app.templating import render

router = APIRouter(prefix="/audit")

# An empty field of the form asks for nothing.
Empty = BeforeValidator(lambda value: value or None)
Text = Annotated[str | None, Field(max_length=320, pattern=r"^[^\x00-\x1f]*$"), Empty]
Day = Annotated[date | None, Field(ge=date(2000, 1, 1), lt=date(9999, 1, 1)), Empty]
Number = Annotated[int | None, Field(ge=1, lt=2**63), Empty]


class AuditQuery(BaseModel):
    """What the form asks for, and behind which entry the page begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Text = None
    actor: Text = None
    subject_type: Text = None
    subject_id: Number = None
    first_day: Day = None
    last_day: Day = None
    before: Number = None

    @property
    def filter(self) -> AuditFilter:
        """The same for the domain; days are UTC's, and the last one counts whole."""
        return AuditFilter(
            action=self.action,
            actor=self.actor,
            subject_type=self.subject_type,
            subject_id=self.subject_id,
            since=_midnight(self.first_day) if self.first_day else None,
            until=_midnight(self.last_day + timedelta(days=1)) if self.last_day else None,
        )

    def older_than(self, entry_id: int) -> str:
        """The query of the next page."""
        return urlencode(self.model_dump(exclude_none=True) | {"before": entry_id})


@router.get("")
def show_audit(
    request: Request, _admin: CurrentAdmin, session: DbSession, asked: Annotated[AuditQuery, Query()]
) -> Response:
    """A page of entries, and a form to narrow them down."""
    lines = audit_page(session, asked.filter, before=asked.before, limit=PAGE + 1)
    older = asked.older_than(lines[PAGE - 1].entry.id) if len(lines) > PAGE else None
    return render(
        request,
        "audit/list.html",
        lines=lines[:PAGE],
        older=older,
        asked=asked,
        actions=audited_actions(session),
        is_filtered=asked.filter != AuditFilter(),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
