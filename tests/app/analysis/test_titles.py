"""What titles and notes say where there is little to compare: nothing that the numbers do not."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.analysis.exhibits.chosen_text import figure_4
from app.analysis.exhibits.comparing import ALL_PAIRS, paired_comparisons
from app.analysis.exhibits.first_choices import figure_5_left
from app.analysis.exhibits.hyperfitting import figure_2, figure_5_right
from app.analysis.exhibits.preference import said
from app.analysis.exhibits.repetition import figure_9_right
from app.models import Checkpoint, Continuation, HyperfitPoint, ReferenceTokens, Score, Study, System
from app.models.annotation import VerdictShown
from tests.app.analysis.test_hyperfitting_exhibits import train
from tests.app.analysis.test_small_studies import judged
from tests.factories import make_system
from tests.golden_metrics import add_metrics


def test_checkpoints_of_another_tokenizer_are_left_out_and_not_compared(db: Session, golden: Study) -> None:
    add_metrics(db, golden)
    _first, *others = db.scalars(select(Checkpoint.id).order_by(Checkpoint.id))
    for number, other in enumerate(others):
        db.add(ReferenceTokens(sha256=f"{number + 7:064}", name="other", tokenizer_json=b"{}"))
        db.flush()
        db.execute(update(Score).where(Score.checkpoint_id == other).values(tokenizer_sha256=f"{number + 7:064}"))
    db.commit()

    evidence = Evidence(db, golden)

    shown = figure_4(evidence)
    assert len(shown.columns) == 2
    assert shown.notes[1] == "Checkpoints of another tokenizer are left out: their tokens are others."
    alike = figure_5_left(evidence)
    assert alike.title == "No two checkpoints share a tokenizer"
    # a checkpoint agrees with itself, and with no other
    assert [sum(cell is not None for cell in row[1:]) for row in alike.rows] == [1] * (1 + len(others))


def test_a_curve_without_texts_has_no_axis_for_their_ttr(db: Session, golden: Study) -> None:
    train(db, samples=(8,))
    db.execute(update(HyperfitPoint).values(ttr_first_96=None))
    db.commit()

    figure = figure_2(Evidence(db, golden))

    assert figure.title.endswith("reaches a training loss of 0.050 at a validation loss of 5.00")
    assert figure.draw is not None
    assert len(figure.draw("light").axes) == 1


def test_samples_that_do_not_help_are_said_and_a_system_without_texts_has_no_point(db: Session, golden: Study) -> None:
    train(db)
    db.execute(update(Continuation).values(ttr_128=0.4))
    trained = db.scalars(select(System).order_by(System.id)).first()
    assert trained is not None
    make_system(db, golden, name="silent", checkpoint_id=trained.checkpoint_id)
    db.commit()

    evidence = Evidence(db, golden)
    figure = figure_5_right(evidence)

    assert "silent" not in {column.title for column in figure_9_right(evidence).columns}
    assert figure.title == "No number of samples brings the TTR above 50 %"
    assert len(figure.rows) == 3


def test_many_systems_are_compared_with_the_first_alone(db: Session) -> None:
    study = judged(db, annotators=9, verdict=VerdictShown.FIRST, systems=ALL_PAIRS + 1, passages=3, quota=1)

    compared = paired_comparisons(Evidence(db, study))

    (first, *_) = db.scalars(select(System.name).where(System.study_id == study.id).order_by(System.id))
    assert {row[1] for row in compared.rows} == {first}


def test_an_interval_that_is_not_known_yet_is_said() -> None:
    assert said(None) == "no interval yet"
