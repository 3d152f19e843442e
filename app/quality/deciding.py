"""A decision about an annotator, as pages, programs and commands take it."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

from app.domain.pseudonyms import annotator_called
from app.domain.studies import find_study
from app.models import Person, Study

Outcome = TypeVar("Outcome", covariant=True)


class Decide(Protocol[Outcome]):
    """Pausing, resuming or withdrawing."""

    def __call__(self, session: Session, study: Study, annotator_id: int, *, by_id: int | None, reason: str) -> Outcome:
        """What the decision did."""


def about_annotator(
    session: Session,
    slug: str,
    annotator: str,
    decide: Decide[Outcome],
    *,
    by_id: int | None,
    reason: str,
    find: Callable[[Session, Study, str], Person] = annotator_called,
) -> Outcome:
    """Decide about the annotator, whom the study calls so. Raises NotFoundError for a study or person unknown."""
    study = find_study(session, slug)
    return decide(session, study, find(session, study, annotator).id, by_id=by_id, reason=reason)
