"""/api/v1/studies/{slug}: what is done with many passages at once."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api_fields import TEXT, DatasetInPath, StudySlug
from app.api_files import SentFiles, opened
from app.auth.api_tokens import ApiWriter
from app.auth.body_limit import OF_A_PROGRAM, takes_up_to
from app.dependencies import DbSession
from app.domain.studies import find_dataset, find_study, reference_tokenizer
from app.errors import ToprankError
from app.idempotency import Once
from app.passages.api import Imported, NewPassages
from app.passages.importing import import_passages
from app.passages.suspicions import check_passages
from app.passages.validating import use_edited
from app.texts.uploaded import uploaded_images

router = APIRouter(prefix="/studies/{slug}", tags=["passages"])


class Checked(BaseModel):
    """How many passages were checked."""

    checked: int


class Used(BaseModel):
    """How many edited passages are accepted now."""

    used: int


class NewImages(NewPassages):
    """Images to import, in the order of their names; `column` is where a Parquet file has them."""

    images: SentFiles
    column: Annotated[str, Field(min_length=1, max_length=200, pattern=TEXT)] = "image"


@router.post("/datasets/{dataset}/images", status_code=201)
@takes_up_to(OF_A_PROGRAM)
def import_images(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, dataset: DatasetInPath, body: NewImages
) -> Imported:
    """Keep each image as a passage of a study of images; all of them or none.

    A file is an image, a numpy array of them, or a Parquet file.
    """

    def deed() -> Imported:
        study = find_study(session, slug)
        found = find_dataset(session, study, dataset)
        found.study = study
        tokenizer = reference_tokenizer(session, study)
        if tokenizer.palette is None:
            raise ToprankError(f"The study {slug!r} is of texts; images cannot be passages of it.")
        images = uploaded_images(opened(body.images), tokenizer.palette, column=body.column)
        choices = {"accept": body.accept, "unjudged": body.unjudged}
        return Imported.of(import_passages(session, found, images, tokenizer, **choices, by=writer))

    return once(Imported, deed)


@router.post("/passages/check")
def check_again(_writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug) -> Checked:
    """Check the passages that wait again, now that there are more of them or a training set."""
    return once(Checked, lambda: Checked(checked=check_passages(session, find_study(session, slug), again=True)))


@router.post("/datasets/{dataset}/use-edited")
def use_edited_passages(
    writer: ApiWriter, session: DbSession, once: Once, slug: StudySlug, dataset: DatasetInPath
) -> Used:
    """Accept the dataset's edited passages too, still marked as such."""
    return once(Used, lambda: Used(used=use_edited(session, find_study(session, slug), dataset, by=writer)))
