"""How far a study is, without a word about what people prefer."""

from sqlalchemy.orm import Session

from app.annotation import verdicts
from app.annotation.claims import claim
from app.domain.progress import ScoringProgress, study_progress
from app.domain.scoring_queue import set_scoring
from app.models.annotation import VerdictShown
from app.models.passage import PassageState
from app.models.system import GenerationState
from tests.factories import (
    make_checkpoint,
    make_continuation,
    make_dataset,
    make_passage,
    make_person,
    make_pool,
    make_score,
    make_study,
    make_system,
)


def test_an_empty_study_is_at_nothing(session: Session) -> None:
    study = make_study(session)
    progress = study_progress(session, study)
    assert (progress.systems, progress.datasets, progress.share) == ([], [], 0.0)


def test_every_cell_counts_what_is_judged_of_what_is_wanted(session: Session) -> None:
    study = make_pool(session, passages=2, systems=2, scenarios=(128, 256), quota=3)
    annotator = make_person(session)
    held = claim(session, study, annotator.id)
    assert held.shown is not None
    verdicts.record_verdict(session, annotator.id, held.shown, verdicts.Answer(VerdictShown.EQUAL))

    progress = study_progress(session, study)

    # 2 passages x 2 systems x 2 scenarios = 8 comparisons, 3 annotations each
    assert (progress.comparisons, progress.annotations, progress.wanted) == (8, 1, 24)
    assert progress.share == 1 / 24
    cells = [cell for system in progress.systems for cell in system.cells]
    assert [(cell.scenario, cell.comparisons, cell.wanted) for cell in cells] == [(128, 2, 6), (256, 2, 6)] * 2
    assert sum(cell.annotations for cell in cells) == 1
    assert {system.share for system in progress.systems} == {1.0}


def test_a_system_shows_its_speed_and_its_reason(session: Session) -> None:
    study = make_study(session)
    dataset = make_dataset(session, study, name="news")
    make_passage(session, dataset)
    make_passage(session, dataset, state=PassageState.PENDING)
    make_system(
        session,
        study,
        state=GenerationState.FAILED,
        reason="It is too large.",
        generated_tokens=448,
        generation_seconds=4.0,
    )

    progress = study_progress(session, study)

    (system,), (counts,) = progress.systems, progress.datasets
    assert (system.tokens_per_second, system.reason, system.continuations, system.passages) == (
        112.0,
        "It is too large.",
        0,
        1,
    )
    assert (counts.accepted, counts.pending, counts.rejected) == (1, 1, 0)


def test_a_system_that_blocks_citations_shows_how_often(session: Session) -> None:
    study = make_study(session)
    dataset = make_dataset(session, study)
    free, blocking = make_system(session, study), make_system(session, study, block_citations=True)
    for matches, blocks in ((5, 2), (0, 0)):
        passage = make_passage(session, dataset)
        make_continuation(session, free, passage)
        make_continuation(session, blocking, passage, citation_matches=matches, citation_blocks=blocks)

    shown = [(one.cited_steps, one.blocked_steps) for one in study_progress(session, study).systems]

    assert shown == [(None, None), (5, 2)]


def test_each_checkpoint_shows_how_many_of_the_judged_passages_it_has_read(session: Session) -> None:
    study = make_study(session)
    dataset = make_dataset(session, study)
    half, none = make_checkpoint(session, name="half"), make_checkpoint(session, name="none")
    for checkpoint in (half, half, none):
        make_system(session, study, checkpoint_id=checkpoint.id)
    make_score(session, half, make_passage(session, dataset))
    make_score(session, half, make_passage(session, dataset, unjudged=True))
    make_passage(session, dataset)
    set_scoring(session, study.id, half.id, GenerationState.FAILED, reason="It is too large.")

    progress = study_progress(session, study)

    assert progress.scorings == [
        ScoringProgress("half", GenerationState.FAILED, "It is too large.", 1, 2),
        ScoringProgress("none", GenerationState.IDLE, None, 0, 2),
    ]
    assert not progress.is_scored


def test_continuations_of_unjudged_passages_are_counted_apart(session: Session) -> None:
    study = make_study(session)
    system, dataset = make_system(session, study), make_dataset(session, study)
    for unjudged in (True, False, False):
        make_continuation(session, system, make_passage(session, dataset, unjudged=unjudged))

    (shown,) = study_progress(session, study).systems

    assert (shown.continuations, shown.unjudged) == (3, 1)
