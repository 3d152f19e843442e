"""One transaction at a time acts for an annotator, whatever acts."""

from sqlalchemy.orm import Session

from app.db import Statement

ANNOTATOR_LOCKS = 1 << 32

_LOCK = Statement("SELECT pg_advisory_xact_lock(:key)")


def lock_annotator(session: Session, annotator_id: int) -> None:
    """Wait for whoever acts for the annotator, in however many tabs. Comparisons come after this."""
    _LOCK.run(session, key=ANNOTATOR_LOCKS + annotator_id)
