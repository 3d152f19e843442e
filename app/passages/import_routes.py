"""/studies/{slug}/passages/import: bring texts or images in from files."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query, UploadFile
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.auth.body_limit import OF_A_FORM, takes_up_to
from app.dependencies import CurrentResearcher, DbSession
from app.domain.reference_tokens import ReferenceTokenizer
from app.domain.studies import dataset_names, find_dataset, find_study, reference_tokenizer
from app.errors import ToprankError
from app.forms import PageForm
from app.models import Study
from app.passages.importing import ImportReport, import_passages
from app.passages.routes import DatasetChoice
from app.templating import render
from app.texts.source_text import SourceText
from app.texts.uploaded import uploaded_images, uploaded_texts

router = APIRouter(prefix="/studies/{slug}/passages/import")
MOST_FILES = 1000


class ImportForm(PageForm):
    """Which files hold the texts, and where they belong; `column` names what holds a text, else the usual one."""

    dataset: Annotated[str, Field(min_length=1, max_length=63)]
    files: Annotated[list[UploadFile], Field(max_length=MOST_FILES)]
    column: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    accept: bool = False
    unjudged: bool = False


@router.get("")
def show_import(
    request: Request,
    _researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    dataset: Annotated[DatasetChoice, Query()] = None,
) -> Response:
    """The form."""
    return import_page(request, session, find_study(session, slug), dataset=dataset)


@router.post("")
@takes_up_to(OF_A_FORM)
def submit_import(
    request: Request,
    researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    form: Annotated[ImportForm, Form()],
) -> Response:
    """All texts of the files or none; sent again, they are there already."""
    study = find_study(session, slug)
    dataset = find_dataset(session, study, form.dataset)
    dataset.study = study
    tokenizer = reference_tokenizer(session, study)
    texts = texts_of(form, tokenizer)
    choices = {"accept": form.accept, "unjudged": form.unjudged}
    report = import_passages(session, dataset, texts, tokenizer, **choices, by=researcher)
    return import_page(request, session, study, dataset=form.dataset, report=report)


def texts_of(form: ImportForm, tokenizer: ReferenceTokenizer) -> Sequence[SourceText]:
    """What is in the files: images in a study of images. Raises ToprankError."""
    sent = [(file.filename, file.file) for file in form.files if file.filename]
    if not sent:
        raise ToprankError("No file was chosen, so nothing was imported.")
    column = form.column.strip() or None
    if tokenizer.palette is not None:
        return uploaded_images(sent, tokenizer.palette, column=column)
    return uploaded_texts(sent, column=column)


def import_page(
    request: Request, session: Session, study: Study, *, dataset: str | None, report: ImportReport | None = None
) -> Response:
    """The form, and what became of the texts that were just sent."""
    return render(
        request,
        "passages/import.html",
        study=study,
        datasets=dataset_names(session, study),
        dataset=dataset,
        report=report,
    )
