"""Results are as the database is: what changes them changes what is shown, within seconds and without a reload."""

import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.analysis.live import live_findings, state_of
from app.analysis.looks import take_look
from app.analysis.withdrawn import WithdrawnAnnotators
from app.domain.protocol import set_contrasts
from app.models import (
    Annotation,
    Assignment,
    Checkpoint,
    Comparison,
    DownstreamRun,
    DownstreamScore,
    HyperfitPoint,
    HyperfitRun,
    Measurement,
    Passage,
    Person,
    Review,
    Study,
    System,
)
from app.models.annotation import AssignmentState
from app.models.measurement import Measuring
from app.models.passage import PassageState
from app.models.protocol import Stopping
from app.models.review import Decision
from app.models.study import StudyState
from app.models.system import GenerationState
from tests.app.conftest import Browser
from tests.factories import make_continuation, make_dataset, make_passage, make_pool, make_score, make_system
from tests.serving import CLAIM

LIMIT_S = 5
Change = Callable[[Session, Study], None]
Row = TypeVar("Row", Annotation, Comparison, Passage, System)


def first(session: Session, table: type[Row], study: Study) -> Row:
    return session.scalars(select(table).where(table.study_id == study.id).order_by(table.id).limit(1)).one()


def revise(session: Session, study: Study) -> None:
    counted = select(Annotation).where(Annotation.study_id == study.id, Annotation.status == "counted")
    annotation = session.scalars(counted.limit(1)).one()
    annotation.status, annotation.slot = "superseded", None


def forget_a_skip(session: Session, study: Study) -> None:
    skipped = select(Assignment).where(Assignment.study_id == study.id, Assignment.state == AssignmentState.SKIPPED)
    assignment = session.scalars(skipped.limit(1)).one()
    assignment.state, assignment.skip_reason = AssignmentState.EXPIRED, None


def write_another(session: Session, study: Study) -> None:
    make_continuation(session, first(session, System, study), make_passage(session, make_dataset(session, study)))


def withdraw_a_comparison(session: Session, study: Study) -> None:
    first(session, Comparison, study).withdrawn = True


def mend_a_passage(session: Session, study: Study) -> None:
    passage = first(session, Passage, study)
    passage.token_ids, passage.validated_at = list(range(256)), datetime.now(UTC)


def reject_a_passage(session: Session, study: Study) -> None:
    first(session, Passage, study).state = PassageState.REJECTED


def plan_a_contrast(session: Session, study: Study) -> None:
    study.state = StudyState.DRAFT
    set_contrasts(session, study, [("tiny, greedy", "tiny, nucleus")])


def let_somebody_go(session: Session, study: Study) -> None:
    annotator = session.scalars(select(Annotation.annotator_id).limit(1)).one()
    session.add(Review(study_id=study.id, annotator_id=annotator, decision=Decision.WITHDRAWN, reason="asked to"))


def score_a_passage(session: Session, study: Study) -> None:
    make_score(session, session.scalars(select(Checkpoint).limit(1)).one(), first(session, Passage, study))


def measure_again(session: Session, study: Study) -> None:
    system = first(session, System, study)
    session.add(Measurement(system_id=system.id, study_id=study.id, inputs="0" * 64, found={}))


def train_on(session: Session, study: Study) -> None:
    checkpoint = first(session, System, study).checkpoint_id
    session.add(HyperfitRun(checkpoint_id=checkpoint, config={}, total_updates=1))
    session.flush()
    point = {"validation_loss": 1.0, "entropy": 1.0, "ttr_first_96": 0.5, "ttr_last_96": 0.5, "texts": []}
    session.add(HyperfitPoint(checkpoint_id=checkpoint, update=0, epoch=0.0, **point))


def evaluate(session: Session, study: Study) -> None:
    run = DownstreamRun(checkpoint_id=first(session, System, study).checkpoint_id, tasks=["mmlu"], shots=[0], seed=0)
    session.add(run)
    session.flush()
    values = {"part": "mmlu", "task": "mmlu", "shots": 0, "metric": "acc", "value": 0.5, "questions": 4}
    session.add(DownstreamScore(run_id=run.id, **values))


def look(session: Session, study: Study) -> None:
    researcher = session.scalars(select(Person.id).limit(1)).one()
    take_look(session, study, researcher)


def raise_the_quota(session: Session, study: Study) -> None:
    session.execute(update(Comparison).where(Comparison.study_id == study.id).values(quota=4))


def add_a_system(session: Session, study: Study) -> None:
    make_system(session, study)


def rename(session: Session, study: Study) -> None:
    study.title = "Another"


CHANGES: Iterable[Change] = (
    revise,
    forget_a_skip,
    write_another,
    withdraw_a_comparison,
    mend_a_passage,
    reject_a_passage,
    plan_a_contrast,
    let_somebody_go,
    score_a_passage,
    measure_again,
    train_on,
    evaluate,
    look,
    raise_the_quota,
    add_a_system,
    rename,
)


def test_whatever_a_result_is_made_of_changes_the_state(db: Session, golden: Study) -> None:
    before = state_of(db, golden)
    for change in CHANGES:
        change(db, golden)
        db.flush()
        assert state_of(db, golden) != before, change.__name__
        db.rollback()
        assert state_of(db, golden) == before


def test_another_study_changes_nothing(db: Session, golden: Study) -> None:
    before = state_of(db, golden)
    make_pool(db)
    db.commit()
    assert state_of(db, golden) == before


def test_a_stopping_date_that_passes_changes_the_state(db: Session, golden: Study) -> None:
    golden.stopping, golden.stop_at = Stopping.DATE, datetime.now(UTC) + timedelta(seconds=0.3)
    db.commit()
    before = state_of(db, golden)
    db.rollback()
    time.sleep(0.4)
    assert state_of(db, golden) != before


def test_what_did_not_change_is_not_computed_again(db: Session, golden: Study) -> None:
    by_protocol = WithdrawnAnnotators.BY_PROTOCOL
    state, found = live_findings(db, golden, withdrawn=by_protocol)
    assert live_findings(db, golden, withdrawn=by_protocol) == (state, found)
    assert live_findings(db, golden, withdrawn=by_protocol)[1] is found
    assert live_findings(db, golden, withdrawn=WithdrawnAnnotators.WITH)[1] is not found


class Watcher:
    """A results page that stays open: it asks again as htmx does, by the address that stands in it."""

    def __init__(self, browser: Browser, slug: str) -> None:
        self.browser = browser
        self.text = browser.get(f"/studies/{slug}/results").text

    def ask(self) -> int:
        """Ask once; what comes takes the place of what was there."""
        (address,) = re.findall(r'<div id="findings"[^>]*hx-get="([^"]+)"', self.text)
        answer = self.browser.get(address.replace("&amp;", "&"), headers={"HX-Request": "true"})
        self.text = answer.text or self.text
        return answer.status_code


def claim_on(page: str) -> str:
    found = CLAIM.search(page)
    assert found, page
    return found[1]


def robustness(browser: Browser, slug: str) -> str:
    return browser.get(f"/studies/{slug}/results/robustness.csv").text


def test_an_open_results_page_shows_an_answer_within_five_seconds_without_a_reload(
    researcher: Browser, annotator: Browser, db: Session
) -> None:
    make_pool(db, slug="poems", quota=1, open_to_look=True)
    db.commit()
    claim = claim_on(annotator.get("/annotate?study=poems").text)
    watcher = Watcher(researcher, "poems")
    assert "0 of 4 annotations" in watcher.text
    assert watcher.ask() == 204
    answered = time.monotonic()
    assert annotator.submit("/annotate", claim=claim, verdict="equal", duration_ms=100).status_code == 303
    assert watcher.ask() == 200
    assert time.monotonic() - answered < LIMIT_S
    assert "<html" not in watcher.text
    assert "1 of 4 annotations" in watcher.text
    assert watcher.ask() == 204


def test_after_the_close_a_late_answer_shows_within_five_seconds(
    researcher: Browser, annotator: Browser, db: Session
) -> None:
    make_pool(db, slug="poems", quota=1)
    db.commit()
    for _ in range(2):
        claim = claim_on(annotator.get("/annotate?study=poems").text)
        annotator.submit("/annotate", claim=claim, verdict="equal", duration_ms=100)
    held = claim_on(annotator.get("/annotate?study=poems").text)
    assert researcher.get("/studies/poems/results/table-1.csv").status_code == 403
    closed = time.monotonic()
    assert researcher.submit("/studies/poems/state/close", confirmed="true").status_code == 303
    watcher = Watcher(researcher, "poems")
    assert time.monotonic() - closed < LIMIT_S
    assert "2 of 4 annotations" in watcher.text
    before = robustness(researcher, "poems")
    answered = time.monotonic()
    annotator.submit("/annotate", claim=held, verdict="equal", duration_ms=100)
    assert watcher.ask() == 200
    assert time.monotonic() - answered < LIMIT_S
    # two count, and the one that came after the close is surplus: one of three
    assert "33.3\N{NO-BREAK SPACE}%" in watcher.text
    assert robustness(researcher, "poems") != before


def test_the_progress_of_measuring_moves_by_itself(researcher: Browser, db: Session, golden: Study) -> None:
    watcher = Watcher(researcher, "golden")
    db.add(Measuring(study_id=golden.id, state=GenerationState.RUNNING, done=0, total=3))
    db.commit()
    assert watcher.ask() == 200
    assert "0 of 3 systems" in watcher.text
    db.execute(update(Measuring).values(done=1))
    db.commit()
    assert watcher.ask() == 200
    assert "1 of 3 systems" in watcher.text
