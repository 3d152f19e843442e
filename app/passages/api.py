"""/api/v1/studies/{slug}/passages: bringing texts in, and a person's verdict on each."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from app.api_fields import TEXT, Body, DatasetInPath, DatasetName, PassageId, StudySlug
from app.auth.api_tokens import ApiReader, ApiWriter
from app.auth.body_limit import OF_A_PROGRAM, takes_up_to
from app.dependencies import DbSession
from app.domain.progress import DatasetProgress, dataset_progress
from app.domain.studies import find_dataset, find_study, reference_tokenizer
from app.idempotency import Once
from app.models import Passage
from app.models.passage import PassageState
from app.paging import Page, Paging, page
from app.passages.importing import ImportReport, import_passages
from app.passages.validating import (
    LONGEST_REASON,
    LONGEST_TEXT,
    Direction,
    PassageFilter,
    accept,
    edit,
    find_passage,
    page_of_passages,
    reconsider,
    reject,
    trim,
)
from app.texts.source_text import SourceText

router = APIRouter(prefix="/studies/{slug}", tags=["passages"])
MOST_TEXTS = 500


class PassageSummary(BaseModel):
    """A passage with its verdict; `unedited` is the text it had before somebody mended it."""

    id: int
    dataset: str
    state: PassageState
    context: str
    original: str
    source: str | None
    unjudged: bool
    suspicions: list[str] | None
    reason: str | None
    unedited: str | None
    validated_at: datetime | None

    @classmethod
    def of(cls, passage: Passage) -> Self:
        """What the row says, with its dataset's name."""
        own = {name: getattr(passage, name) for name in cls.model_fields if name != "dataset"}
        return cls(dataset=passage.dataset.name, **own)


class PassageQuery(Paging):
    """Which passages."""

    dataset: Annotated[DatasetName | None, Field(description="Only of this dataset.", examples=["fiction"])] = None
    state: Annotated[PassageState | None, Field(description="Only in this state.", examples=["pending"])] = None


class NewText(Body):
    """A text of which a passage is cut, and where it is from."""

    text: Annotated[str, Field(max_length=10 * LONGEST_TEXT, pattern=TEXT)]
    source: Annotated[str | None, Field(max_length=2000, pattern=TEXT)] = None


class NewPassages(Body):
    """What to do with what comes; `accept` says that somebody has read it all and found it good."""

    accept: bool = False
    unjudged: bool = False


class NewTexts(NewPassages):
    """Texts to import."""

    texts: Annotated[list[NewText], Field(min_length=1, max_length=MOST_TEXTS)]


class Imported(BaseModel):
    """What became of the texts; `numbers` says which were left out, counted from 1."""

    imported: int
    already_there: int
    too_short: int
    without_a_cut: int
    numbers: dict[str, list[int]]

    @classmethod
    def of(cls, report: ImportReport) -> Self:
        """What the report says."""
        counts = {name: getattr(report, name) for name in cls.model_fields if name != "numbers"}
        return cls(**counts, numbers=report.lines)


class PassageVerdict(StrEnum):
    """What to do with a passage."""

    ACCEPT = "accept"
    REJECT = "reject"
    RECONSIDER = "reconsider"


class NewVerdict(Body):
    """A verdict; rejecting needs a reason."""

    verdict: PassageVerdict
    reason: Annotated[str, Field(max_length=LONGEST_REASON, pattern=TEXT)] = ""


class NewCut(Body):
    """Where to begin instead."""

    direction: Direction


class NewWords(Body):
    """The mended text."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=TEXT)]


class Validation(BaseModel):
    """How far validation is, by dataset."""

    entries: list[DatasetProgress]


@router.get("/passages")
def list_passages(
    request: Request, _reader: ApiReader, session: DbSession, slug: StudySlug, asked: Annotated[PassageQuery, Query()]
) -> Page[PassageSummary]:
    """The study's passages, the oldest first."""
    study, wanted = find_study(session, slug), PassageFilter(asked.dataset, asked.state)
    rows = page_of_passages(session, study, wanted, after=asked.after, limit=asked.fetched)
    return page(request, asked, rows, PassageSummary.of)


@router.get("/validation")
def show_validation(_reader: ApiReader, session: DbSession, slug: StudySlug) -> Validation:
    """How many passages of each dataset are accepted, wait, were rejected, edited or set aside."""
    return Validation(entries=dataset_progress(session, find_study(session, slug)))


@router.post("/datasets/{dataset}/passages", status_code=201)
@takes_up_to(OF_A_PROGRAM)
def import_texts(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, dataset: DatasetInPath, body: NewTexts
) -> Imported:
    """Cut each text to 256 reference tokens and keep it as a passage; all of them or none."""

    def deed() -> Imported:
        study = find_study(session, slug)
        found = find_dataset(session, study, dataset)
        found.study = study
        texts = [SourceText(text.text, number, text.source) for number, text in enumerate(body.texts, start=1)]
        tokenizer = reference_tokenizer(session, study)
        choices = {"accept": body.accept, "unjudged": body.unjudged}
        return Imported.of(import_passages(session, found, texts, tokenizer, **choices, by=writer))

    return once(Imported, deed)


@router.get("/passages/{passage_id:int}")  # "check" is no number
def show_passage(_reader: ApiReader, session: DbSession, slug: StudySlug, passage_id: PassageId) -> PassageSummary:
    """One passage of the study."""
    return PassageSummary.of(find_passage(session, find_study(session, slug), passage_id))


@router.put("/passages/{passage_id}/verdict")
def judge(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, passage_id: PassageId, body: NewVerdict
) -> PassageSummary:
    """Accept or reject a passage that waits, or take a verdict back before any system continues it."""

    def deed() -> PassageSummary:
        study = find_study(session, slug)
        if body.verdict is PassageVerdict.ACCEPT:
            passage = accept(session, study, passage_id, by=writer)
        elif body.verdict is PassageVerdict.REJECT:
            passage = reject(session, study, passage_id, body.reason, by=writer)
        else:
            passage = reconsider(session, study, passage_id, by=writer)
        return PassageSummary.of(passage)

    return once(PassageSummary, deed)


@router.post("/passages/{passage_id}/trim")
def cut_elsewhere(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, passage_id: PassageId, body: NewCut
) -> PassageSummary:
    """Cut a passage that waits from an earlier or a later sentence on."""

    def deed() -> PassageSummary:
        study = find_study(session, slug)
        return PassageSummary.of(trim(session, study, passage_id, body.direction, by=writer))

    return once(PassageSummary, deed)


@router.put("/passages/{passage_id}/text")
def mend(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, passage_id: PassageId, body: NewWords
) -> PassageSummary:
    """Mend a passage that waits by hand; it is marked, and left out by default."""

    def deed() -> PassageSummary:
        return PassageSummary.of(edit(session, find_study(session, slug), passage_id, body.text, by=writer))

    return once(PassageSummary, deed)
