"""What every form of a page has in common."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.domain.english import EnglishStatement
from app.models.taking_part import EnglishMethod


class PageForm(BaseModel):
    """Refuses fields it does not know; the token was checked before, and is named here only to be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    csrf_token: str = ""


class EnglishForm(PageForm):
    """How somebody's English was verified: stated by themselves, or recorded by who knows."""

    first_language: Annotated[str, Field(max_length=100)]
    method: EnglishMethod
    verified_by: Annotated[str, Field(max_length=200)]
    verified_on: date

    @property
    def statement(self) -> EnglishStatement:
        """What the form says, for the domain."""
        return EnglishStatement(self.first_language, self.method, self.verified_by, self.verified_on)
