"""What the tables say, for tests of the assignment."""

from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.models import Annotation, Assignment, Comparison


def assignment_of(session: Session, claim: UUID | None) -> Assignment:
    """The assignment behind a claim, as it is in the database now."""
    return session.scalars(
        select(Assignment).where(Assignment.claim == claim).execution_options(populate_existing=True)
    ).one()


def comparison_of(session: Session, claim: UUID | None) -> Comparison:
    """The comparison behind a claim, as it is in the database now."""
    return session.get_one(Comparison, assignment_of(session, claim).comparison_id, populate_existing=True)


def annotations(session: Session) -> list[Annotation]:
    """All annotations, oldest first."""
    return list(session.scalars(select(Annotation).order_by(Annotation.id).execution_options(populate_existing=True)))


def let_leases_run_out(session: Session) -> None:
    """Make every lease end in the past."""
    session.execute(update(Assignment).values(lease_expires_at=text("now() - interval '1 second'")))
