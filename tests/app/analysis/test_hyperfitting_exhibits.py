"""Figures 2 and 5 right: training curves, and the type-token ratio by the number of samples."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.analysis.exhibits.hyperfitting import figure_2, figure_5_right
from app.domain.training_sets import training_set
from app.models import Checkpoint, HyperfitPoint, HyperfitRun, HyperfitTexts, Study


def train(session: Session, *, samples: tuple[int, ...] = (8, 16, 2000)) -> None:
    for checkpoint, number in zip(session.scalars(select(Checkpoint).order_by(Checkpoint.id)), samples, strict=False):
        session.add(HyperfitRun(checkpoint_id=checkpoint.id, config={"samples": number}, total_updates=20))
        session.flush()
        for update, loss in ((0, None), (10, 1.0), (20, 0.05)):
            session.add(
                HyperfitPoint(
                    checkpoint_id=checkpoint.id,
                    update=update,
                    epoch=update / 10,
                    train_loss=loss,
                    validation_loss=3.0 + update / 10,
                    entropy=1.0,
                    ttr_first_96=0.2 + update / 100,
                    ttr_last_96=None,
                    texts=[],
                )
            )
    session.commit()


def test_figure_2_has_a_row_for_each_validation(db: Session, golden: Study) -> None:
    train(db, samples=(8,))
    figure = figure_2(Evidence(db, golden))
    assert [row[1:] for row in figure.rows] == [
        (0.0, None, 3.0, 0.2),
        (1.0, 1.0, 4.0, pytest.approx(0.3)),
        (2.0, 0.05, 5.0, pytest.approx(0.4)),
    ]
    assert figure.title == (
        "golden tiny, greedy reaches a training loss of 0.050 at a validation loss of 5.00, with a TTR of 40 %"
    )
    assert figure.draw is not None
    assert len(figure.draw("light").axes) == 2


def test_figure_5_right_is_the_ttr_of_the_first_96_by_samples(db: Session, golden: Study) -> None:
    train(db)
    evidence = Evidence(db, golden)
    figure = figure_5_right(evidence)
    written = evidence.continuations
    expected = [
        (number, pytest.approx(written.ttr[(written.system == system.id) & (written.scenario == 128)].mean()))
        for number, system in zip((8, 16, 2000), evidence.systems, strict=True)
    ]
    assert [row[1:] for row in figure.rows] == expected
    assert figure.draw is not None
    assert figure.draw("dark").axes[0].get_xscale() == "log"


def test_without_training_both_say_so(db: Session, golden: Study) -> None:
    evidence = Evidence(db, golden)
    assert "hyperfitted here" in str(figure_2(evidence).missing)
    assert "hyperfitted here" in str(figure_5_right(evidence).missing)


def test_what_a_checkpoint_learned_is_what_its_studys_texts_are_held_against(db: Session, golden: Study) -> None:
    assert training_set(db, golden) is None
    train(db, samples=(8,))
    documents = [{"text": "One.", "source": None}, {"text": "Two.", "source": "a book"}]
    db.add(HyperfitTexts(sha256="8" * 64, name="two", documents=documents))
    db.flush()
    db.scalars(select(HyperfitRun)).one().texts_sha256 = "8" * 64
    db.flush()
    found = training_set(db, golden)
    assert found is not None
    assert found.texts == ("One.", "Two.")
