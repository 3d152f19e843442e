"""What about a study wants a person's eye now, each with the page where something can be done about it."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.closing import has_reached_its_rule, rule_in_words
from app.domain.flags import count_flags
from app.domain.progress import StudyProgress, SystemProgress
from app.domain.staffing import staffing
from app.models import Study
from app.models.protocol import Stopping
from app.models.study import StudyState
from app.models.system import GenerationState


@dataclass(frozen=True)
class Alert:
    """A sentence, and the address below the study's own; empty where the page itself is the place."""

    words: str
    page: str = ""


# Whose last decision is a pause, and who answered anything in the last three days.
_PEOPLE = text("""
SELECT (SELECT count(*) FROM (
            SELECT DISTINCT ON (annotator_id) decision FROM review WHERE study_id = :study
            ORDER BY annotator_id, id DESC) last WHERE decision = 'paused') AS paused,
       (SELECT count(DISTINCT annotator_id) FROM annotation
        WHERE study_id = :study AND answered_at > now() - interval '3 days') AS active
""")


def alerts(session: Session, study: Study, progress: StudyProgress) -> list[Alert]:
    """Everything that wants an eye, the most urgent first."""
    people = session.execute(_PEOPLE, {"study": study.id}).one()
    found = [Alert(f"The writing of {one.name} failed.") for one in _failed(progress)]
    if people.paused:
        found.append(Alert(f"Annotators who are paused and wait for a review: {people.paused}.", "/quality"))
    if notes := count_flags(session, study):
        found.append(Alert(f"Comparisons that annotators flagged: {notes}.", "/quality/flags"))
    if waiting := sum(dataset.pending for dataset in progress.datasets):
        found.append(Alert(f"Passages that wait for a verdict: {waiting}.", "/passages/validate"))
    if study.state == StudyState.OPEN:
        found += _of_an_open_study(session, study, progress, people.active)
    return found


def _failed(progress: StudyProgress) -> list[SystemProgress]:
    return [one for one in progress.systems if one.state is GenerationState.FAILED]


def _of_an_open_study(session: Session, study: Study, progress: StudyProgress, active: int) -> list[Alert]:
    found = []
    if has_reached_its_rule(session, study):
        then = "close it when nothing is to be added" if study.stopping is Stopping.QUOTA else "a worker closes it"
        reached = f"The stopping rule is reached: the study stops {rule_in_words(study)}; {then}."
        found.append(Alert(reached, "/settings"))
    needed = staffing(session, study).needed
    if progress.annotations and active < needed:
        found.append(Alert(f"People who judged in the last three days: {active}; the exposure rule needs {needed}."))
    return found
