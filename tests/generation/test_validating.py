"""Only a checkpoint that a worker has loaded and read with becomes ready; any other says what is wrong with it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from procrastinate.exceptions import JobAborted
from procrastinate.job_context import AbortReason
from safetensors.torch import load_file, save_file
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from tokenizers import Tokenizer

from app.domain.registry import queue_validation, validation_lock
from app.domain.store import STORED
from app.errors import ToprankError
from app.models import Checkpoint
from app.models.checkpoint import CheckpointState
from app.queue import is_queued
from generation import attempts, validating
from generation import validation_tasks as tasks
from generation.attempts import BusyError
from generation.checkpoint_folder import CheckpointNotFoundError, checkpoint_folder, folder_here
from generation.child import AbortedError, CrashedError
from generation.citation.boundaries import WordBoundaries
from generation.citation.index import CitationIndex
from generation.citation.training_set import TrainingSet
from generation.engines.base import CheckpointError
from generation.generate import Outcome
from generation.model_process import ModelProcess
from generation.own_tokens import OwnTokens
from generation.validating import ValidationOrder, try_folder, validate
from tests.factories import make_checkpoint
from tests.generation.test_tasks import context
from tests.tiny_model import tiny_tokenizer_json

SHA256 = "0" * 64


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store of this worker."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.setenv(name, "1")  # as trying does, for good
    monkeypatch.setenv("TOPRANK_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def folder(store: Path, tiny_checkpoint: Path) -> Path:
    """A sound checkpoint in it."""
    return shutil.copytree(tiny_checkpoint, store / "checkpoints" / SHA256)


@pytest.fixture
def checkpoint(engine: Engine, folder: Path) -> Checkpoint:
    """Its row."""
    with Session(engine, expire_on_commit=False) as session:
        made = make_checkpoint(session, source=STORED + SHA256, state=CheckpointState.VALIDATING)
        session.commit()
        return made


def standing(engine: Engine, checkpoint: Checkpoint) -> tuple[CheckpointState, str | None]:
    with Session(engine) as session:
        found = session.get_one(Checkpoint, checkpoint.id)
        return found.state, found.reason


def order(engine: Engine, checkpoint: Checkpoint) -> ValidationOrder:
    return ValidationOrder(engine.url.render_as_string(hide_password=False), checkpoint.id)


def change_weights(folder: Path, change: Callable[[dict], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def index_of(folder: Path) -> CitationIndex:
    """The index of a few tokens, beside the weights."""
    boundaries = WordBoundaries(Tokenizer.from_buffer(tiny_tokenizer_json()))
    index = CitationIndex.build(TrainingSet.from_samples([list(range(5, 60)), list(range(20, 90))]), boundaries)
    index.save(folder / "citation_index")
    return index


def test_a_real_child_makes_a_checkpoint_ready(engine: Engine, checkpoint: Checkpoint) -> None:
    tasks.validate.func(context(engine), checkpoint_id=checkpoint.id)
    assert standing(engine, checkpoint) == (CheckpointState.READY, None)


def test_a_spoilt_checkpoint_fails_with_a_reason_and_is_tried_again_when_asked(
    engine: Engine, checkpoint: Checkpoint, folder: Path
) -> None:
    change_weights(folder, lambda weights: weights["model.norm.weight"].fill_(float("nan")))

    assert validate(order(engine, checkpoint)) is Outcome.FAILED

    state, reason = standing(engine, checkpoint)
    assert state is CheckpointState.FAILED
    assert "no finite numbers" in str(reason)
    assert validate(order(engine, checkpoint)) is Outcome.DONE  # nothing to do until somebody asks
    with Session(engine) as session:
        assert queue_validation(session, session.get_one(Checkpoint, checkpoint.id))
        assert not queue_validation(session, session.get_one(Checkpoint, checkpoint.id))
        assert is_queued(session, validation_lock(checkpoint.id))
        session.commit()
    assert standing(engine, checkpoint) == (CheckpointState.VALIDATING, None)


def lacking(folder: Path) -> None:
    change_weights(folder, lambda weights: weights.pop("model.layers.1.mlp.up_proj.weight"))


def other_shape(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 32}))


def no_known_model(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "nothing"}')


def no_language_model(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "vit"}')


def other_tokenizer(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 100}))


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def code(folder: Path) -> None:
    (folder / "modeling.py").write_text("raise SystemExit")


def strange_index(folder: Path) -> None:
    index = index_of(folder)
    index.table.banned[:] = 1_000_000
    shutil.rmtree(folder / "citation_index")
    index.save(folder / "citation_index")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lacking, "lacks weights that its model needs: model.layers.1.mlp.up_proj.weight"),
        (other_shape, "cannot load it|of another shape"),
        (no_known_model, "cannot load it"),
        (no_language_model, "cannot load it"),
        (other_tokenizer, "do not belong together"),
        (no_tokenizer, "tokenizer"),
        (code, "is a program"),
        (strange_index, "it bans what is no token"),
    ],
)
def test_what_cannot_be_used_says_why(folder: Path, spoil: Callable[[Path], None], reason: str) -> None:
    spoil(folder)
    with pytest.raises(ToprankError, match=reason):
        try_folder(folder)


def test_a_model_that_knows_fewer_tokens_than_were_written_is_refused(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="the model knows 400 tokens: they do not belong together"):
        validating._read(folder, [1, 400])


def test_a_model_that_cannot_read_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.LlamaForCausalLM.forward", lambda *_, **__: [][0])
    with pytest.raises(CheckpointError, match="The model cannot read a text"):
        try_folder(folder)


def test_what_was_sent_anew_meanwhile_is_left_to_the_next_try(
    engine: Engine, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sent_anew(_folder: Path) -> None:
        with Session(engine) as session:
            session.get_one(Checkpoint, checkpoint.id).state = CheckpointState.UPLOADING
            session.commit()

    monkeypatch.setattr(validating, "try_folder", sent_anew)

    assert validate(order(engine, checkpoint)) is Outcome.DONE
    assert standing(engine, checkpoint) == (CheckpointState.UPLOADING, None)


def test_without_a_config_the_vocabulary_is_left_to_whoever_loads_the_model(folder: Path) -> None:
    own_tokens = OwnTokens(folder)
    (folder / "config.json").unlink()
    own_tokens.check_vocabulary(folder)


def test_a_hub_that_cannot_be_reached_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OSError("No route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", away)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with pytest.raises(CheckpointNotFoundError, match=r"nor to be had from the model hub \(No route to host\)"):
        checkpoint_folder("somebody/model")


def test_an_index_of_what_was_trained_on_may_come_along(folder: Path) -> None:
    index_of(folder)
    try_folder(folder)


def test_a_store_that_is_not_here_says_what_to_set(store: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match="TOPRANK_STORE"):
        checkpoint_folder(STORED + SHA256)


def test_where_a_checkpoint_is_is_said_without_fetching_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOPRANK_CACHE", str(tmp_path / "cache"))
    assert folder_here(STORED + SHA256) == folder
    assert folder_here(STORED + "1" * 64) == tmp_path / "cache" / "checkpoints" / ("1" * 64)
    assert folder_here(str(tmp_path)) == tmp_path


def test_nobody_tries_the_same_checkpoint_twice_at_once(engine: Engine, checkpoint: Checkpoint) -> None:
    from generation.generate import session_holding

    with session_holding(engine.url.render_as_string(hide_password=False), validation_lock(checkpoint.id)):
        assert validate(order(engine, checkpoint)) is Outcome.BUSY


def answer(monkeypatch: pytest.MonkeyPatch, outcome: Outcome | Exception) -> None:
    def run(*_: object) -> Outcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(ModelProcess, "alone", run)
    monkeypatch.setattr(attempts.time, "sleep", lambda _seconds: None)


def test_three_crashes_are_a_reason(engine: Engine, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, CrashedError(-9))

    tasks.validate.func(context(engine), checkpoint_id=checkpoint.id)

    state, reason = standing(engine, checkpoint)
    assert state is CheckpointState.FAILED
    assert "was killed by signal 9, 3 times" in str(reason)
    tasks.validate.func(context(engine), checkpoint_id=checkpoint.id)  # it failed already


def test_a_stopped_or_busy_worker_leaves_it_to_the_next(
    engine: Engine, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, AbortedError())
    with pytest.raises(JobAborted):
        tasks.validate.func(context(engine, reason=AbortReason.SHUTDOWN), checkpoint_id=checkpoint.id)
    answer(monkeypatch, Outcome.BUSY)
    with pytest.raises(BusyError):
        tasks.validate.func(context(engine), checkpoint_id=checkpoint.id)
    assert standing(engine, checkpoint)[0] is CheckpointState.VALIDATING
