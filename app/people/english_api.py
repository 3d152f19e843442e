"""/api/v1/people/{person_id}/english: how an annotator's English was verified, for researchers' programs."""

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.api_fields import TEXT, Body, PersonId
from app.auth.accounts import get_annotator
from app.auth.api_tokens import ApiReader, ApiWriter
from app.dependencies import DbSession
from app.domain.english import EnglishStatement, english_of, record_english
from app.errors import NotFoundError
from app.forms import WrittenDay
from app.idempotency import Once
from app.models import EnglishCheck
from app.models.taking_part import EnglishMethod

router = APIRouter(prefix="/people/{person_id}/english", tags=["people"])


class NewEnglish(Body):
    """First language, and how, by whom and when their English was verified."""

    first_language: Annotated[str, Field(min_length=1, max_length=100, pattern=TEXT)]
    method: EnglishMethod
    verified_by: Annotated[str, Field(min_length=1, max_length=200, pattern=TEXT)]
    verified_on: WrittenDay

    @property
    def statement(self) -> EnglishStatement:
        """The same for the domain."""
        return EnglishStatement(self.first_language, self.method, self.verified_by, self.verified_on)


class English(BaseModel):
    """What holds; `by_annotator` says that they stated it themselves."""

    first_language: str
    method: EnglishMethod
    verified_by: str
    verified_on: date
    recorded_at: datetime
    by_annotator: bool

    @classmethod
    def of(cls, check: EnglishCheck) -> Self:
        """What the row says."""
        own = {name: getattr(check, name) for name in cls.model_fields if name != "by_annotator"}
        return cls(by_annotator=check.recorded_by_id == check.annotator_id, **own)


@router.get("")
def show_english(_reader: ApiReader, session: DbSession, person_id: PersonId) -> English:
    """How somebody's English was verified; 404 while nothing is known."""
    return _english(session, person_id)


@router.put("")
def write_english(writer: ApiWriter, session: DbSession, once: Once, person_id: PersonId, body: NewEnglish) -> English:
    """Record it; what was stated before stays on record."""

    def deed() -> English:
        annotator = get_annotator(session, person_id)
        record_english(session, annotator.id, body.statement, recorded_by=writer.id)
        return _english(session, annotator.id)

    return once(English, deed)


def _english(session: Session, person_id: int) -> English:
    found = english_of(session, get_annotator(session, person_id).id)
    if found is None:
        raise NotFoundError("Nothing is known of this person's English.")
    return English.of(found)
