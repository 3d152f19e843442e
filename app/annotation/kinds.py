"""What an annotator's k-th assignment is for: the study itself, or a check that nobody can tell from it.

Gold has an answer that nobody can argue with; a repeat is a comparison that the annotator judged long ago, with its
sides exchanged. Neither has a slot, and neither counts.
"""

import hashlib
import hmac
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.annotation.order import candidate_is_first
from app.models import Study
from app.models.comparison import Kind


class Check(NamedTuple):
    """A gold or repeat comparison for one annotator, with its display order."""

    comparison_id: int
    exposure: int
    kind: Kind
    occasion: int
    candidate_first: bool


_GOLD = text("""
SELECT c.id,
       (SELECT count(*) FROM assignment a
         WHERE a.annotator_id = :annotator AND a.study_id = :study AND a.kind = 'gold') AS had
FROM comparison c
WHERE c.study_id = :study AND c.kind = 'gold' AND NOT c.withdrawn
  AND NOT EXISTS (SELECT FROM assignment a WHERE a.annotator_id = :annotator AND a.passage_id = c.passage_id)
ORDER BY random() LIMIT 1
""")

_REPEAT = text("""
SELECT a.comparison_id, a.candidate_first,
       (SELECT count(*) + 1 FROM assignment b
         WHERE b.annotator_id = a.annotator_id AND b.passage_id = a.passage_id) AS exposure
FROM assignment a JOIN comparison c ON c.id = a.comparison_id
WHERE a.annotator_id = :annotator AND a.study_id = :study AND a.ordinal <= :latest
  AND a.kind = 'study' AND a.state = 'answered' AND NOT c.withdrawn
  AND NOT EXISTS (SELECT FROM assignment b
                   WHERE b.annotator_id = a.annotator_id AND b.comparison_id = a.comparison_id AND b.occasion = 1)
ORDER BY random() LIMIT 1
""")


def kind_of(study: Study, *, annotator_id: int, ordinal: int) -> Kind:
    """What this assignment is for: a keyed draw at the study's rates, the same however often it is asked."""
    message = f"kind:{annotator_id}:{ordinal}".encode()
    drawn = int.from_bytes(hmac.digest(study.secret, message, hashlib.sha256)[:8]) / 2**64
    if drawn < study.gold_share:
        return Kind.GOLD
    return Kind.REPEAT if drawn < study.gold_share + study.repeat_share else Kind.STUDY


def draw_check(session: Session, study: Study, *, annotator_id: int, ordinal: int) -> Check | None:
    """The check that stands in for a study comparison at this assignment.

    None where the assignment is the study's own, and where the annotator has had all gold or judged too few
    comparisons to be asked again.
    """
    kind = kind_of(study, annotator_id=annotator_id, ordinal=ordinal)
    if kind == Kind.GOLD:
        return _draw_gold(session, study, annotator_id)
    if kind == Kind.REPEAT:
        return _draw_repeat(session, study, annotator_id, latest=ordinal - study.exposure_gap)
    return None


def _draw_gold(session: Session, study: Study, annotator_id: int) -> Check | None:
    row = session.execute(_GOLD, {"annotator": annotator_id, "study": study.id}).one_or_none()
    if row is None:
        return None
    first = candidate_is_first_in_pair(study.secret, annotator_id=annotator_id, nth=row.had)
    return Check(row.id, 1, Kind.GOLD, 0, first)


def candidate_is_first_in_pair(secret: bytes, *, annotator_id: int, nth: int) -> bool:
    """The order of an annotator's n-th gold (from 0): in each two, the right side is left once and right once."""
    pair, second = divmod(nth, 2)
    tossed = candidate_is_first(secret, comparison_id=-1 - pair, annotator_id=annotator_id, occasion=0)
    return tossed != bool(second)


def _draw_repeat(session: Session, study: Study, annotator_id: int, *, latest: int) -> Check | None:
    parameters = {"annotator": annotator_id, "study": study.id, "latest": latest}
    row = session.execute(_REPEAT, parameters).one_or_none()
    if row is None:
        return None
    return Check(row.comparison_id, row.exposure, Kind.REPEAT, 1, not row.candidate_first)
