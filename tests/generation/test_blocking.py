"""Which training set a system may not repeat, and that it does not."""

import shutil
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, undefer
from tokenizers import Tokenizer

from app.domain.systems import SystemPlan, TrainingPlan, add_system
from app.errors import ToprankError
from app.models import Candidacy, Continuation, System, TrainingTexts
from app.models.study import StudyState
from app.models.system import GenerationState
from app.settings import Settings
from generation.blocking import citation_index
from generation.citation.boundaries import WordBoundaries
from generation.citation.index import CitationIndex
from generation.citation.storage import CitationIndexError
from generation.citation.training_set import TrainingSet
from generation.engines.base import EngineError, EngineSettings
from generation.generate import Order, Outcome, generate
from generation.loaded import Loaded, check_engine, engine_here
from tests.factories import make_checkpoint, make_study
from tests.generation.pool import commit_system


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPRANK_CACHE", str(tmp_path / "cache"))


def run(engine: Engine, system: System) -> Outcome:
    with closing(Loaded()) as loaded:
        return generate(Order(engine.url.render_as_string(hide_password=False), system.id), lambda _: None, loaded)


def forget(engine: Engine, system: System, training: TrainingPlan) -> None:
    """Block the system by these texts, and let it write again."""
    with Session(engine) as session:
        session.execute(Continuation.__table__.delete().where(Continuation.system_id == system.id))
        session.add(TrainingTexts(sha256=training.sha256, name=training.name, texts=list(training.texts)))
        session.flush()
        again = session.get_one(System, system.id)
        again.block_citations, again.training_texts_sha256 = True, training.sha256
        session.commit()


def test_a_blocked_system_does_not_repeat_its_training_set(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=2)
    assert run(engine, system) is Outcome.DONE
    with Session(engine, expire_on_commit=False) as session:
        free = list(session.scalars(select(Continuation).order_by(Continuation.id)))
        assert {(one.citation_matches, one.citation_blocks) for one in free} == {(None, None)}
        training = TrainingPlan("own words", tuple(one.text for one in free))
        session.execute(Candidacy.__table__.delete())
        session.commit()
    forget(engine, system, training)

    assert run(engine, system) is Outcome.DONE

    with Session(engine) as session:
        blocked = list(session.scalars(select(Continuation).order_by(Continuation.id)))
    assert sum(one.citation_matches or 0 for one in blocked) > 0
    assert sum(one.citation_blocks or 0 for one in blocked) > 0
    assert [one.token_ids for one in blocked] != [one.token_ids for one in free]


def test_without_a_training_set_the_reason_says_what_to_do(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=1, block_citations=True)

    assert run(engine, system) is Outcome.FAILED

    with Session(engine) as session:
        failed = session.get_one(System, system.id)
        assert failed.state is GenerationState.FAILED
        assert "Add the system again with --training-set" in str(failed.reason)
        assert session.scalars(select(Continuation)).all() == []


def save_index(folder: Path, tokenizer: Tokenizer) -> None:
    CitationIndex.build(TrainingSet.from_samples([[1, 2, 3, 4, 5, 6]]), WordBoundaries(tokenizer)).save(folder)


def test_an_index_of_another_tokenizer_is_a_reason(engine: Engine, tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hyperfitted"
    shutil.copytree(tiny_checkpoint, folder)
    other = Tokenizer.from_file(str(folder / "tokenizer.json"))
    other.add_tokens(["<another>"])
    save_index(folder / "citation_index", other)
    system = commit_system(engine, folder, passages=1, block_citations=True)

    assert run(engine, system) is Outcome.FAILED

    with Session(engine) as session:
        assert "was built with another tokenizer" in str(session.scalars(select(System.reason)).one())
        assert session.scalars(select(Continuation)).all() == []


def test_a_hyperfitted_checkpoint_brings_its_index(engine: Engine, tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hyperfitted"
    shutil.copytree(tiny_checkpoint, folder)
    save_index(folder / "citation_index", Tokenizer.from_file(str(folder / "tokenizer.json")))
    system = commit_system(engine, folder, passages=1, block_citations=True)

    assert run(engine, system) is Outcome.DONE

    with Session(engine) as session:
        assert session.scalars(select(Continuation.citation_matches)).one() is not None


def test_texts_are_kept_once_and_belong_to_blocked_systems(session: Session) -> None:
    make_checkpoint(session, name="smol")
    study = make_study(session, state=StudyState.DRAFT)
    training = TrainingPlan("stories", ("One\x00.", "Two."))
    for name in ("a", "b"):
        add_system(session, study, SystemPlan(name, "smol", block_citations=True, training_texts=training))
    (kept,) = session.scalars(select(TrainingTexts).options(undefer(TrainingTexts.texts)))
    assert kept.texts == ["One\ufffd.", "Two."]
    with pytest.raises(ToprankError, match="say --block-citations with it"):
        add_system(session, study, SystemPlan("c", "smol", training_texts=training))
    with pytest.raises(ToprankError, match="has no text in it"):
        add_system(
            session, study, SystemPlan("d", "smol", block_citations=True, training_texts=TrainingPlan("e", ("",)))
        )


def test_the_engine_is_chosen_where_the_work_is_done() -> None:
    assert engine_here() == "transformers"  # no GPU is needed for these tests
    with pytest.raises(ToprankError, match="choose from: auto, transformers, vllm"):
        check_engine("magic")
    with closing(Loaded()) as loaded, pytest.raises(EngineError, match="vLLM is not installed here"):
        loaded.engine("vllm", Path("/anywhere"), EngineSettings())


@pytest.mark.parametrize(("has_gpu", "engine"), [(True, "vllm"), (False, "transformers")])
def test_vllm_is_for_a_gpu(monkeypatch: pytest.MonkeyPatch, has_gpu: bool, engine: str) -> None:
    monkeypatch.setattr("generation.loaded.find_spec", lambda _name: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: has_gpu)
    assert engine_here() == engine


@pytest.mark.parametrize("is_there", [True, False])
def test_of_two_processes_that_build_an_index_the_faster_ones_is_used(
    engine: Engine, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    def too_late(_index: CitationIndex, folder: Path) -> None:
        if is_there:
            folder.mkdir()
        raise CitationIndexError(f"{folder} is there already.")

    monkeypatch.setattr(CitationIndex, "save", too_late)
    system = System(block_citations=True)
    texts = TrainingTexts(sha256="0" * 64, name="own words", texts=["The old house stood at the end of the lane."])
    with nullcontext() if is_there else pytest.raises(CitationIndexError):
        assert citation_index(system, texts, tiny_checkpoint, Settings().cache_dir) is not None
