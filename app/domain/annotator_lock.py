"""One transaction at a time acts for an annotator, whatever acts."""

from sqlalchemy import text
from sqlalchemy.orm import Session

ANNOTATOR_LOCKS = 1 << 32

_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


def lock_annotator(session: Session, annotator_id: int) -> None:
    """Wait for whoever acts for the annotator, in however many tabs. Comparisons come after this."""
    session.execute(_LOCK, {"key": ANNOTATOR_LOCKS + annotator_id})
