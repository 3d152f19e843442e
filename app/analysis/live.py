"""Results that are always current and seldom computed: kept in the process until anything behind them changes.

What is behind them is summed up in one line by one query; the same line means the same results.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.analysis.drawing import PictureFormat, picture
from app.analysis.evidence import Evidence
from app.analysis.exhibit import Theme, WithdrawnAnnotators
from app.analysis.registry import Findings, findings
from app.models import Study

Value = TypeVar("Value")

# A status that changes, as in a revision or a withdrawal, moves a sum even where no row is new.
_STATE = text("""
SELECT concat_ws('/', s.xmin, s.id,
  (SELECT concat_ws('.', count(*), max(id), sum(hashtext(status)::bigint)) FROM annotation WHERE study_id = s.id),
  (SELECT count(*) FROM assignment WHERE study_id = s.id AND state = 'skipped'),
  (SELECT concat_ws('.', count(*), max(id)) FROM continuation WHERE study_id = s.id),
  (SELECT concat_ws('.', count(number), sum(quota), count(*) FILTER (WHERE withdrawn))
   FROM comparison WHERE study_id = s.id),
  (SELECT concat_ws('.', count(*), sum(hashtext(state)::bigint)) FROM passage WHERE study_id = s.id),
  (SELECT concat_ws('.', count(*), max(id)) FROM system WHERE study_id = s.id),
  (SELECT max(id) FROM review WHERE study_id = s.id),
  (SELECT concat_ws('.', count(*), max(id)) FROM score WHERE study_id = s.id),
  (SELECT max(number) FROM look WHERE study_id = s.id))
FROM study s WHERE s.id = :study
""")


def state_of(session: Session, study: Study) -> str:
    """A line that changes whenever a result of the study could."""
    return str(session.execute(_STATE, {"study": study.id}).scalar_one())


class Kept(Generic[Value]):
    """The latest values by key, made when asked for and not there; safe for threads, which may make one twice."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[tuple[object, ...], Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...], make: Callable[[], Value]) -> Value:
        """The value that was kept, else a new one."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value


_findings: Kept[Findings] = Kept(8)
_pictures: Kept[bytes] = Kept(256)


def live_findings(session: Session, study: Study, *, withdrawn: WithdrawnAnnotators) -> tuple[str, Findings]:
    """What changes with the results, and the results as they are now."""
    state = f"{state_of(session, study)}/{withdrawn}"
    found = _findings.get((state,), lambda: findings(Evidence(session, study, withdrawn=withdrawn)))
    return state, found


def live_picture(state: str, found: Findings, key: str, *, file_format: PictureFormat, theme: Theme) -> bytes:
    """One exhibit's picture as a file. Raises NotFoundError where there is none."""
    exhibit = found.find(key)
    return _pictures.get(
        (state, key, file_format, theme), lambda: picture(exhibit, found.provenance, file_format, theme)
    )
