"""Results that are always current and seldom computed: kept in the process until anything behind them changes.

What is behind them is summed up in one line by one query; the same line means the same results.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.analysis.drawing import Appearance, picture
from app.analysis.evidence import Evidence
from app.analysis.kept import Kept
from app.analysis.looks import check_is_open_to_look
from app.analysis.registry import Findings, exhibit_of, findings
from app.analysis.texts import find_passage
from app.analysis.withdrawn import WithdrawnAnnotators
from app.domain.studies import find_study
from app.models import Study

# A status that changes, as in a revision or a withdrawal, moves a sum even where no row is new.
_STATE = text("""
SELECT concat_ws('/', s.xmin, s.id, s.stop_at <= now(),
  (SELECT concat_ws('.', count(*), max(id), sum(hashtext(status)::bigint)) FROM annotation WHERE study_id = s.id),
  (SELECT count(*) FROM assignment WHERE study_id = s.id AND state = 'skipped'),
  (SELECT concat_ws('.', count(*), max(id)) FROM continuation WHERE study_id = s.id),
  (SELECT concat_ws('.', count(number), sum(quota), count(*) FILTER (WHERE withdrawn))
   FROM comparison WHERE study_id = s.id),
  (SELECT concat_ws('.', count(*), sum(hashtext(state)::bigint), max(validated_at)) FROM passage WHERE study_id = s.id),
  (SELECT concat_ws('.', count(*), max(id)) FROM system WHERE study_id = s.id),
  (SELECT concat_ws('.', count(*), max(id)) FROM contrast WHERE study_id = s.id),
  (SELECT max(id) FROM review WHERE study_id = s.id),
  (SELECT concat_ws('.', count(*), max(id)) FROM score WHERE study_id = s.id),
  (SELECT concat_ws('.', count(*), max(measured_at)) FROM measurement WHERE study_id = s.id),
  (SELECT concat_ws('.', count(*), max(p.created_at)) FROM hyperfit_point p
   WHERE p.checkpoint_id IN (SELECT checkpoint_id FROM system WHERE study_id = s.id)),
  (SELECT concat_ws('.', count(*), max(d.id)) FROM downstream_score d JOIN downstream_run r ON r.id = d.run_id
   WHERE r.checkpoint_id IN (SELECT checkpoint_id FROM system WHERE study_id = s.id)),
  (SELECT max(number) FROM look WHERE study_id = s.id))
FROM study s WHERE s.id = :study
""")


def state_of(session: Session, study: Study) -> str:
    """A line that changes whenever a result of the study could."""
    return str(session.execute(_STATE, {"study": study.id}).scalar_one())


_findings: Kept[Findings] = Kept(8)
_pictures: Kept[bytes] = Kept(256)


def live_findings(
    session: Session, study: Study, *, withdrawn: WithdrawnAnnotators, passage: int | None = None
) -> tuple[str, Findings]:
    """What changes with the results, and the results as they are now; `passage` is the text of Figure 4.

    Only the figure depends on the choice: it is made each time, so that no choice drives out what everybody sees.
    """
    state = f"{state_of(session, study)}/{withdrawn}"
    found = _findings.get((state,), lambda: findings(Evidence(session, study, withdrawn=withdrawn)))
    if passage is None:
        return state, found
    find_passage(session, study, passage)
    chosen = exhibit_of(Evidence(session, study, withdrawn=withdrawn, chosen_passage=passage), "figure-4")
    return f"{state}/{passage}", found.with_exhibit(chosen)


def open_findings(
    session: Session, slug: str, *, withdrawn: WithdrawnAnnotators, passage: int | None
) -> tuple[str, Findings]:
    """The same of a study by its name. Raises NotFoundError, and NotOpenToLookError before anybody may see them."""
    study = find_study(session, slug)
    check_is_open_to_look(session, study)
    return live_findings(session, study, withdrawn=withdrawn, passage=passage)


def live_picture(state: str, found: Findings, key: str, look: Appearance) -> bytes:
    """One exhibit's picture as a file. Raises NotFoundError where there is none."""
    exhibit = found.find(key)
    return _pictures.get((state, key, look), lambda: picture(exhibit, found.provenance, look))
