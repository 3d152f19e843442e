"""One transaction at a time changes a study: its settings, its state, and what else its protocol is made of."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Study


def lock_study(session: Session, study_id: int) -> Study:
    """The study as it is now, held until the transaction ends; whoever also locks comparisons does this first."""
    query = select(Study).where(Study.id == study_id).with_for_update(key_share=True)
    return session.execute(query, execution_options={"populate_existing": True}).scalar_one()
