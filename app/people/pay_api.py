"""/api/v1/people/pay: everybody's hours and pay, for admins' programs."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.api_fields import WrittenPeriod
from app.auth.api_tokens import ApiAdmin
from app.dependencies import DbSession
from app.domain.paid_time import PaidWork, payroll

router = APIRouter(prefix="/people", tags=["people"])


class Pay(BaseModel):
    """What one person is to be paid for one study."""

    person_id: int
    email: str
    study: str
    judged: int
    skipped: int
    hours: float
    hourly_rate: float
    pay: float
    currency: str

    @classmethod
    def of(cls, line: PaidWork) -> Self:
        """What a line of the payroll says."""
        work = line.work
        return cls(
            person_id=line.person_id,
            email=line.email,
            study=work.slug,
            judged=work.judged,
            skipped=work.skipped,
            hours=line.hours,
            hourly_rate=work.hourly_rate,
            pay=work.pay,
            currency=work.currency,
        )


@router.get("/pay")
def show_pay(_admin: ApiAdmin, session: DbSession, period: Annotated[WrittenPeriod, Query()]) -> list[Pay]:
    """Everybody's hours and pay by study, from one day to another, both whole and UTC's."""
    return [Pay.of(line) for line in payroll(session, since=period.since, until=period.until)]
