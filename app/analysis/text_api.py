"""/api/v1/studies/{slug}/texts: the texts themselves, under the same rule as the results."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from app.analysis.judged_texts import JudgedText, page_of_texts
from app.analysis.looks import check_is_open_to_look
from app.analysis.texts import TextChoice
from app.api_fields import StudySlug
from app.auth.api_tokens import ApiReader
from app.dependencies import DbSession
from app.domain.studies import find_study
from app.paging import Page, Paging, RowId, page
from metrics.consensus import Consensus

router = APIRouter(prefix="/studies/{slug}", tags=["results"])


class TextQuery(Paging, TextChoice):
    """Which continuations."""

    passage: Annotated[RowId | None, Field(description="Only of this passage.", examples=[17])] = None


class TextAnswer(BaseModel):
    """A continuation in the scenario that was asked for, and how many annotators said what of it.

    `consensus` is null until all have; `overlap` is the longest run of tokens that stands in the training set.
    """

    id: int
    passage_id: int
    dataset: str
    system: str
    context: str
    text: str
    ttr: float
    candidate: int
    equal: int
    reference: int
    consensus: Consensus | None
    is_recall: bool
    overlap: int

    @classmethod
    def of(cls, found: JudgedText) -> Self:
        """What was found."""
        said = {name: getattr(found.verdicts, name) for name in ("candidate", "equal", "reference")}
        own = {name: getattr(found, name) for name in cls.model_fields if name not in said}
        return cls(**own, **said)


@router.get("/texts")
def list_texts(
    request: Request, _reader: ApiReader, session: DbSession, slug: StudySlug, asked: Annotated[TextQuery, Query()]
) -> Page[TextAnswer]:
    """What systems wrote, and what was said of it; before the study closes this needs a look."""
    study = find_study(session, slug)
    check_is_open_to_look(session, study)
    rows = page_of_texts(session, study, asked, after=asked.after, limit=asked.fetched, passage=asked.passage)
    return page(request, asked, rows, TextAnswer.of)
