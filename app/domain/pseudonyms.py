"""What an annotator is called outside: another name in every study, which nobody without its secret can turn back."""

import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.models import Assignment, Person, Study
from app.models.person import Role


def pseudonym(study: Study, annotator_id: int) -> str:
    """Twelve hexadecimal digits, the same as in the export."""
    return hashlib.sha256(study.secret + annotator_id.to_bytes(8, signed=True)).hexdigest()[:12]


def find_annotator(session: Session, study: Study, name: str) -> Person:
    """The annotator whose e-mail or pseudonym in this study this is. Raises NotFoundError for everybody else."""
    by_email = session.scalar(select(Person).where(Person.email == name.lower(), Person.role == Role.ANNOTATOR))
    if by_email is not None:
        return by_email
    given = select(Assignment.annotator_id).where(Assignment.study_id == study.id).distinct()
    for annotator in session.scalars(select(Person).where(Person.id.in_(given))):
        if pseudonym(study, annotator.id) == name:
            return annotator
    raise NotFoundError(f"The study {study.slug!r} has no annotator {name!r}. Its quality page lists them.")
