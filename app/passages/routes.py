"""/studies/{slug}/passages: reading passages one at a time, and the list of them all."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import CurrentResearcher, DbSession
from app.domain.images import Drawn, drawn
from app.domain.progress import dataset_progress
from app.domain.studies import find_study, study_palette
from app.forms import PageForm
from app.models import Study
from app.models.passage import PassageState
from app.models.study import Modality
from app.paging import LARGEST_ID, RowId
from app.passages.suspicions import check_passages
from app.passages.validating import (
    LONGEST_REASON,
    LONGEST_TEXT,
    NEEDED,
    Direction,
    PassageFilter,
    accept,
    edit,
    next_passage,
    page_of_passages,
    reconsider,
    reject,
    trim,
    use_edited,
)
from app.templating import render, see_other

router = APIRouter(prefix="/studies/{slug}/passages")
PAGE = 50
REASONS = {
    Modality.TEXT: (
        *("boilerplate", "repetitive", "not English", "a duplicate", "broken or cut badly"),
        "not fit to be read",
    ),
    Modality.IMAGE: (
        *("nothing can be seen on it", "wrong in colour or contrast", "turned or cut badly", "a duplicate"),
        "not of this dataset",
        "not fit to be seen",
    ),
}
Empty = BeforeValidator(lambda value: value or None)
DatasetChoice = Annotated[str | None, Field(max_length=63, pattern=r"^[a-z0-9_-]*$"), Empty]


class PassageForm(PageForm):
    """Which dataset one is reading; the next passage comes from it."""

    dataset: DatasetChoice = None


class RejectForm(PassageForm):
    """Why; one of the usual reasons or another."""

    reason: Annotated[str, Field(max_length=LONGEST_REASON)]


class TrimForm(PassageForm):
    """Where to begin instead."""

    direction: Direction


class EditForm(PassageForm):
    """The mended text."""

    text: Annotated[str, Field(max_length=2 * LONGEST_TEXT)]


class UseEditedForm(PageForm):
    """Of which dataset."""

    dataset: Annotated[str, Field(max_length=63)]


class ListQuery(BaseModel):
    """Which passages to list, and where the page begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: DatasetChoice = None
    state: Annotated[PassageState | None, Empty] = None
    after: Annotated[int, Field(ge=0, le=LARGEST_ID)] = 0


@router.get("")
def list_passages(
    request: Request,
    _researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    asked: Annotated[ListQuery, Query()],
) -> Response:
    """All passages with what became of them, a page at a time."""
    study = find_study(session, slug)
    wanted = PassageFilter(asked.dataset, asked.state)
    found = page_of_passages(session, study, wanted, after=asked.after, limit=PAGE + 1)
    return render(
        request,
        "passages/list.html",
        study=study,
        picture=picture_of(session, study),
        passages=found[:PAGE],
        after=found[PAGE - 1].id if len(found) > PAGE else None,
        asked=asked,
        datasets=dataset_progress(session, study),
        states=list(PassageState),
    )


@router.get("/validate")
def show_next(
    request: Request,
    _researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    dataset: Annotated[DatasetChoice, Query()] = None,
    last: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
) -> Response:
    """The next passage that waits, and how far its dataset is."""
    study = find_study(session, slug)
    return render(
        request,
        "passages/validate.html",
        study=study,
        picture=picture_of(session, study),
        passage=next_passage(session, study, dataset),
        dataset=dataset,
        last=last,
        datasets=dataset_progress(session, study),
        needed=NEEDED,
        reasons=REASONS[study.modality],
    )


def picture_of(session: Session, study: Study) -> Callable[[str], Drawn] | None:
    """What draws a passage of a study of images; None where passages are read."""
    palette = study_palette(session, study)
    return (lambda text: drawn(text, palette, most=256)) if palette else None


def on_to_the_next(slug: str, form: PassageForm, last: int | None = None) -> Response:
    """Back to reading, in the same dataset; `last` is what a verdict can be taken back of."""
    asked = [f"dataset={form.dataset}" if form.dataset else "", f"last={last}" if last else ""]
    return see_other(f"/studies/{slug}/passages/validate?{'&'.join(filter(None, asked))}".rstrip("?"))


@router.post("/check")
def submit_check(
    _researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[PassageForm, Form()]
) -> Response:
    """Check what waits again, now that there are more passages or a training set."""
    check_passages(session, find_study(session, slug), again=True)
    return on_to_the_next(slug, form)


@router.post("/use-edited")
def submit_use_edited(
    researcher: CurrentResearcher, session: DbSession, slug: str, form: Annotated[UseEditedForm, Form()]
) -> Response:
    """Let a dataset's edited passages count."""
    use_edited(session, find_study(session, slug), form.dataset, by=researcher)
    return see_other(f"/studies/{slug}/passages?state=accepted")


@router.post("/{passage_id}/accept")
def submit_acceptance(
    researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    passage_id: RowId,
    form: Annotated[PassageForm, Form()],
) -> Response:
    """It is good."""
    accept(session, find_study(session, slug), passage_id, by=researcher)
    return on_to_the_next(slug, form, passage_id)


@router.post("/{passage_id}/reject")
def submit_rejection(
    researcher: CurrentResearcher, session: DbSession, slug: str, passage_id: RowId, form: Annotated[RejectForm, Form()]
) -> Response:
    """It is not, and why."""
    reject(session, find_study(session, slug), passage_id, form.reason, by=researcher)
    return on_to_the_next(slug, form, passage_id)


@router.post("/{passage_id}/trim")
def submit_trim(
    researcher: CurrentResearcher, session: DbSession, slug: str, passage_id: RowId, form: Annotated[TrimForm, Form()]
) -> Response:
    """Begin elsewhere."""
    trim(session, find_study(session, slug), passage_id, form.direction, by=researcher)
    return on_to_the_next(slug, form)


@router.post("/{passage_id}/edit")
def submit_edit(
    researcher: CurrentResearcher, session: DbSession, slug: str, passage_id: RowId, form: Annotated[EditForm, Form()]
) -> Response:
    """Mended by hand."""
    edit(session, find_study(session, slug), passage_id, form.text, by=researcher)
    return on_to_the_next(slug, form)


@router.post("/{passage_id}/reconsider")
def submit_reconsideration(
    researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    passage_id: RowId,
    form: Annotated[PassageForm, Form()],
) -> Response:
    """Take a verdict back; it waits again, and may come next."""
    reconsider(session, find_study(session, slug), passage_id, by=researcher)
    return on_to_the_next(slug, form)
