"""/api/v1/studies/{slug}: what is done with many passages at once."""

from fastapi import APIRouter
from pydantic import BaseModel

from app.api_fields import StudySlug
from app.auth.api_tokens import ApiWriter
from app.dependencies import DbSession
from app.domain.studies import find_study
from app.idempotency import Once
from app.passages.api import DatasetInPath
from app.passages.suspicions import check_passages
from app.passages.validating import use_edited

router = APIRouter(prefix="/studies/{slug}", tags=["passages"])


class Checked(BaseModel):
    """How many passages were checked."""

    checked: int


class Used(BaseModel):
    """How many edited passages are accepted now."""

    used: int


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
