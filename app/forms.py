"""What every form of a page has in common."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.domain.english import EnglishStatement
from app.models.taking_part import EnglishMethod


def as_written(day: object) -> object:
    """A day as 2026-03-31; without this, a number would count as seconds since 1970, and an empty text as none."""
    if isinstance(day, date):
        return day
    if not isinstance(day, str):
        raise ValueError("A day is written as 2026-03-31.")
    return date.fromisoformat(day)


# An empty field of a form asks for nothing.
Empty = BeforeValidator(lambda value: value or None)
Text = Annotated[str | None, Field(max_length=320, pattern=r"^[^\x00-\x1f]*$"), Empty]
Number = Annotated[int | None, Field(ge=1, lt=2**63), Empty]
WrittenDay = Annotated[date, BeforeValidator(as_written)]
Day = Annotated[WrittenDay | None, Empty]


class PageQuery(BaseModel):
    """What is asked for in an address; refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(PageQuery):
    """From one day to another, both whole and UTC's; open where a day is left out."""

    first_day: Day = None
    last_day: Day = None

    @property
    def since(self) -> datetime | None:
        """Where it begins."""
        return _midnight(self.first_day) if self.first_day else None

    @property
    def until(self) -> datetime | None:
        """The moment after its end."""
        ends = self.last_day is not None and self.last_day < date.max  # after the last day of all there is no moment
        return _midnight(self.last_day + timedelta(days=1)) if ends and self.last_day else None


class PageForm(BaseModel):
    """Refuses fields it does not know; the token was checked before, and is named here only to be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    csrf_token: str = ""


class EnglishForm(PageForm):
    """How somebody's English was verified: stated by themselves, or recorded by who knows."""

    first_language: Annotated[str, Field(max_length=100)]
    method: EnglishMethod
    verified_by: Annotated[str, Field(max_length=200)]
    verified_on: WrittenDay

    @property
    def statement(self) -> EnglishStatement:
        """What the form says, for the domain."""
        return EnglishStatement(self.first_language, self.method, self.verified_by, self.verified_on)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
