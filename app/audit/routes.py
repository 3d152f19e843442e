"""/audit: who did what, the newest first."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import CurrentAdmin, DbSession
from app.domain.audit import PAGE, AuditFilter, audit_page, audited_actions
from app.forms import Number, Period, Text
from app.templating import render

router = APIRouter(prefix="/audit")


class AuditQuery(Period):
    """What the form asks for, and behind which entry the page begins."""

    action: Text = None
    actor: Text = None
    subject_type: Text = None
    subject_id: Number = None
    before: Number = None

    @property
    def filter(self) -> AuditFilter:
        """The same for the domain."""
        chosen = self.model_dump(include={"action", "actor", "subject_type", "subject_id"})
        return AuditFilter(**chosen, since=self.since, until=self.until)

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
