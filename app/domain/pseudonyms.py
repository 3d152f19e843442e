"""What an annotator is called outside: another name in every study, which nobody without its secret can turn back."""

import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.models import Assignment, Person, Review, Study
from app.models.person import Role


def pseudonym(study: Study, annotator_id: int) -> str:
    """Twelve hexadecimal digits, the same as in the export."""
    return hashlib.sha256(study.secret + annotator_id.to_bytes(8, signed=True)).hexdigest()[:12]


def annotator_called(session: Session, study: Study, name: str) -> Person:
    """Whom the study knows by this pseudonym: they were given something in it, or somebody decided about them.

    Raises NotFoundError for every other name, whether or not anybody has it elsewhere.
    """
    given = select(Assignment.annotator_id).where(Assignment.study_id == study.id)
    decided = select(Review.annotator_id).where(Review.study_id == study.id)
    for annotator in session.scalars(select(Person).where(Person.id.in_(given.union(decided)))):
        if pseudonym(study, annotator.id) == name:
            return annotator
    raise NotFoundError(f"The study {study.slug!r} has no annotator {name!r}. Its quality page lists them.")


def find_annotator(session: Session, study: Study, name: str) -> Person:
    """The same, or by the e-mail of any annotator: for commands, whose operators know everybody."""
    by_email = session.scalar(select(Person).where(Person.email == name.lower(), Person.role == Role.ANNOTATOR))
    return by_email or annotator_called(session, study, name)
