"""People who judge all that they can get."""

from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.verdicts import Answer, record_verdict
from app.models import Study
from app.models.annotation import VerdictShown
from tests.factories import make_person


def judge(session: Session, study: Study, *, people: int = 1) -> None:
    """Each of so many people judges all they can; what is first is always preferred."""
    for _ in range(people):
        annotator = make_person(session)
        while (shown := claim(session, study, annotator.id).shown) is not None:
            record_verdict(session, annotator.id, shown, Answer(VerdictShown.FIRST))
