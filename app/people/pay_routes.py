"""/people/pay: everybody's hours and pay in a period, as a page and as a table for whoever pays."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import CurrentAdmin, DbSession
from app.domain.audit import record
from app.domain.paid_time import payroll, totals
from app.domain.periods import PeriodError
from app.forms import Period
from app.people.payment import payment_csv
from app.templating import render

router = APIRouter(prefix="/people")

Asked = Annotated[Period, Query()]


@router.get("/pay")
def show_pay(request: Request, _admin: CurrentAdmin, session: DbSession, period: Asked) -> Response:
    """The present month by default."""
    if not request.query_params:
        today = datetime.now(UTC).date()
        period = Period(first_day=today.replace(day=1), last_day=today)
    try:
        lines = payroll(session, since=period.since, until=period.until)
    except PeriodError as error:
        status, said = error.status_code, str(error)
        return render(request, "people/pay.html", status=status, lines=[], totals={}, period=period, error=said)
    return render(request, "people/pay.html", lines=lines, totals=totals(lines), period=period, error=None)


@router.get("/pay.csv")
def download_pay(admin: CurrentAdmin, session: DbSession, period: Asked) -> Response:
    """The same as a file; that somebody took addresses out goes on record."""
    lines = payroll(session, since=period.since, until=period.until)
    record(session, admin, "pay.export", None, rows=len(lines), **period.model_dump(mode="json"))
    name = "-".join(["pay", *(f"{day}" for day in (period.first_day, period.last_day) if day)])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(payment_csv(lines), media_type="text/csv; charset=utf-8", headers=headers)
