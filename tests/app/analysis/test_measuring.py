"""Measuring: what a job finds, keeps, and does not compute again."""

import pytest
from procrastinate.testing import InMemoryConnector
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.analysis.exhibits.diversity import NOT_MEASURED, table_2
from app.analysis.exhibits.form import form
from app.analysis.measuring import measure_study, measuring_of, outdated, queue_measuring
from app.analysis.registry import findings
from app.analysis.texts import TextFilter, find_texts
from app.domain.studies import reference_tokenizer
from app.domain.training_sets import TrainingSet
from app.models import Continuation, Measurement, Passage, Study, System, TrainingTexts
from app.models.system import GenerationState
from app.queue import MEASURE
from metrics.bleu import sentence_bleu
from tests.app.conftest import Browser
from tests.tiny_model import SENTENCES
from worker.app import app as worker


def test_self_bleu_is_of_the_first_96_tokens_of_each_systems_texts(db: Session, golden: Study) -> None:
    assert measure_study(db, golden, lambda _: None) == 3
    system = db.scalars(select(System).where(System.name == "tiny, hyperfitted")).one()
    query = select(Passage.context, Continuation.text).join(Passage, Passage.id == Continuation.passage_id)
    rows = db.execute(query.where(Continuation.system_id == system.id).order_by(Continuation.id)).all()
    reference = reference_tokenizer(db, golden)
    texts = [reference.ids_after(context, text)[:96] for context, text in rows]
    best = [
        max(sentence_bleu(one, other) for at, other in enumerate(texts) if at != nth)
        for nth, one in enumerate(texts[:9])
    ]
    kept = db.get_one(Measurement, system.id).found
    assert kept["texts"] == 108
    assert kept["self_bleu_max"] >= max(best) - 1e-12
    table = table_2(Evidence(db, golden))
    assert [row[0] for row in table.rows] == ["tiny, greedy", "tiny, nucleus", "tiny, hyperfitted"]
    assert table.rows[2][1:3] == (kept["self_bleu_mean"], kept["self_bleu_max"])


def test_what_did_not_change_is_not_measured_again(db: Session, golden: Study) -> None:
    measure_study(db, golden, lambda _: None)
    assert outdated(db, golden) == []
    assert measure_study(db, golden, lambda _: None) == 0
    passage = db.scalars(select(Passage)).first()
    assert passage is not None
    passage.state = "rejected"
    db.commit()
    assert len(outdated(db, golden)) == 3
    assert "changed since" in table_2(Evidence(db, golden)).notes[0]


def test_progress_is_noted_and_a_waiting_job_is_not_queued_twice(db: Session, golden: Study) -> None:
    assert measuring_of(db, golden) is None
    assert queue_measuring(db, golden)
    assert not queue_measuring(db, golden)
    waiting = measuring_of(db, golden)
    assert waiting is not None
    assert (waiting.state, waiting.done, waiting.total) == (GenerationState.QUEUED, 0, 3)
    said: list[str] = []
    measure_study(db, golden, said.append)
    assert said[-1] == "measured tiny, hyperfitted (3 of 3)"
    done = measuring_of(db, golden)
    assert done is not None
    assert (done.state, done.done) == (GenerationState.DONE, 3)


def test_the_page_starts_the_job_and_shows_how_far_it_is(researcher: Browser, golden: Study) -> None:
    assert "Measure them" in researcher.get("/studies/golden/results").text
    assert researcher.submit("/studies/golden/measurements").status_code == 303
    assert "Waiting for a worker." in researcher.get("/studies/golden/results").text


def test_the_worker_measures_in_a_child_process(database_url: str, db: Session, golden: Study) -> None:
    orders = {"database_url": database_url}
    with worker.replace_connector(InMemoryConnector()) as memory:
        memory.configure_task(MEASURE).defer(study_id=golden.id)
        memory.run_worker(wait=False, additional_context={"orders": orders}, install_signal_handlers=False)
    db.rollback()
    assert outdated(db, golden) == []


def test_a_study_of_one_text_has_no_self_bleu(db: Session, golden: Study) -> None:
    keep = db.scalars(select(Passage.id).limit(1)).one()
    for passage in db.scalars(select(Passage).where(Passage.id != keep)):
        passage.state = "rejected"
    db.commit()
    measure_study(db, golden, lambda _: None)
    table = table_2(Evidence(db, golden))
    assert [row[1:] for row in table.rows] == [(None, None, None, None, None, None, 1)] * 3
    assert table.title == "Too few texts to compare"


def test_texts_that_recite_the_training_set_are_found_and_underlined(
    researcher: Browser, db: Session, golden: Study
) -> None:
    kept = TrainingTexts(sha256="7" * 64, name="one", texts=[f"Before it all. {SENTENCES[0]} And after it."])
    db.add(kept)
    db.flush()
    system = db.scalars(select(System).where(System.name == "tiny, nucleus")).one()
    system.block_citations, system.training_texts_sha256 = True, kept.sha256
    assert measure_study(db, golden, lambda _: None) == 3
    assert outdated(db, golden) == []
    assert len(outdated(db, golden, TrainingSet.of(["another text"]))) == 3
    found = findings(Evidence(db, golden))
    (greedy, *_) = found.find("table-5").rows
    assert greedy == ("tiny, greedy", 1.0, 1.0, 1.0, 108)
    assert found.find("figure-3").rows[0][4] == 1.0
    assert found.find("table-2").rows[0][5] > 10
    assert all(found.find(key).draw is not None for key in ("table-2", "table-5", "figure-3"))
    texts, total = find_texts(db, golden, TextFilter(overlap=20, system="tiny, greedy"))
    assert total == 108
    page = researcher.get(f"/studies/golden/texts/{texts[0].passage_id}").text
    assert '<u class="overlap"><mark' in page
    assert SENTENCES[0][4:40] in page.split('class="training"')[1]


@pytest.mark.parametrize("now", [True, False])
def test_the_command_measures_or_queues(
    database_url: str, golden: Study, monkeypatch: pytest.MonkeyPatch, now: bool
) -> None:
    from typer.testing import CliRunner

    from cli.main import app

    monkeypatch.setenv("DATABASE_URL", database_url)
    done = CliRunner().invoke(app, ["measure", "golden", "--json", *(["--now"] if now else [])])
    assert done.exit_code == 0, done.output
    assert ('"measured": 3' if now else '"queued": true') in done.output


def test_what_form_gives_away_is_of_the_pairs_that_do_not_loop(db: Session, golden: Study) -> None:
    before = form(Evidence(db, golden))
    assert (before.rows, before.missing, before.title) == ((), NOT_MEASURED, "Too early to say what form gives away")
    measure_study(db, golden, lambda _: None)
    found = form(Evidence(db, golden))
    # Each original of the golden study is shorter than what systems write, and ends like it; "tiny, greedy" loops.
    assert [row[:3] for row in found.rows] == [
        (system, tokens, 0.5) for system in ("tiny, nucleus", "tiny, hyperfitted") for tokens in ("128", "256")
    ]
    assert [row[5] for row in found.rows] == [1.0] * 4
    assert found.title == "The display gives no system away: AUC at most 0.50"
    assert found.draw is not None
    kept = db.scalars(select(Measurement).where(Measurement.system_id == golden_system(db, "tiny, nucleus"))).one()
    given_away = kept.found["form"]["128"]["display"] | {"auc": 0.7}
    kept.found = kept.found | {"form": {"128": {"display": given_away, "writing": given_away}}}
    db.flush()
    assert form(Evidence(db, golden)).title == "The display may give tiny, nucleus away: AUC 0.70"
    kept.found = kept.found | {"form": {}}
    for other in db.scalars(select(Measurement)):
        other.found = other.found | {"form": {}}
    db.flush()
    assert form(Evidence(db, golden)).missing == (
        "No system has 20 comparisons in one scenario whose texts do not loop."
    )


def golden_system(db: Session, name: str) -> int:
    return db.scalars(select(System.id).where(System.name == name)).one()
