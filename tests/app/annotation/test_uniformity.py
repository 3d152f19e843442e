"""Every eligible comparison is equally likely, which a chi-square test would notice if it were not."""

from collections import Counter
from collections.abc import Callable

import pytest
from scipy.stats import chisquare
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.annotation.drawing import draw_at_random, draw_exactly
from app.models import Study
from tests.factories import make_person, make_pool

POOL = 40
DRAWS = 1200

# The classic mistake: a static random key with an index, entered at a random point. Comparisons behind a wide gap
# come up far too often.
_BY_STATIC_KEY = text("""
SELECT c.id FROM comparison c WHERE c.study_id = :study AND NOT c.withdrawn
ORDER BY (hashtext(c.id::text)::bigint + 2147483648 < random() * 4294967296), hashtext(c.id::text) LIMIT 1
""")


def draw_by_static_key(session: Session, study: Study, annotator_id: int) -> int:
    """A comparison whose fixed key follows a random number: known not to be uniform."""
    drawn: int = session.execute(_BY_STATIC_KEY, {"study": study.id}).scalar_one()
    return drawn


def counts(draw: Callable[[], int], eligible: set[int]) -> list[int]:
    """How often each eligible comparison was drawn."""
    drawn = Counter(draw() for _ in range(DRAWS))
    assert set(drawn) <= eligible
    return [drawn[comparison] for comparison in eligible]


@pytest.fixture
def study(session: Session) -> Study:
    return make_pool(session, passages=POOL, quota=1)


@pytest.mark.parametrize("drained", [0.0, 0.7])
@pytest.mark.parametrize("draw", [draw_at_random, draw_exactly])
def test_draws_are_uniform_over_what_is_eligible(session: Session, study: Study, draw, drained: float) -> None:  # type: ignore[no-untyped-def]
    annotator = make_person(session)
    full = text("UPDATE comparison SET taken = quota WHERE study_id = :study AND number > :open")
    session.execute(full, {"study": study.id, "open": round(POOL * (1 - drained))})
    free = text("SELECT id FROM comparison WHERE study_id = :study AND taken < quota")
    eligible = set(session.scalars(free, {"study": study.id}))
    observed = counts(lambda: draw(session, study, annotator.id).comparison_id, eligible)
    assert chisquare(observed).pvalue > 0.001


def test_the_same_check_notices_a_draw_by_static_key(session: Session, study: Study) -> None:
    eligible = set(session.scalars(text("SELECT id FROM comparison WHERE study_id = :study"), {"study": study.id}))
    observed = counts(lambda: draw_by_static_key(session, study, 0), eligible)
    assert chisquare(observed).pvalue < 0.001
