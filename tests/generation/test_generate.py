"""A system's missing continuations are written once, batch by batch, whatever interrupts."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session
from tokenizers import Tokenizer

from app.domain.generation_queue import generation_lock
from app.domain.reference_tokens import ReferenceTokenizer
from app.models import Candidacy, Checkpoint, Comparison, Continuation, Passage, ReferenceTokens, Study, System
from app.models.checkpoint import CheckpointState
from app.models.study import StudyState
from app.models.system import GenerationState, Strategy
from generation.engines import transformers_engine
from generation.generate import Order, Outcome, Progress, generate, session_holding
from generation.loaded import Loaded
from tests.generation.pool import REFERENCE, commit_system
from tests.tiny_model import sample_text


def run(engine: Engine, system: System, *, first_batch: int = 2, batch: int = 32) -> tuple[Outcome, list[Progress]]:
    reports: list[Progress] = []
    url = engine.url.render_as_string(hide_password=False)
    outcome = generate(Order(url, system.id, first_batch=first_batch, batch=batch), reports.append, Loaded())
    return outcome, reports


def state_of(engine: Engine, system: System) -> System:
    with Session(engine, expire_on_commit=False) as session:
        return session.get_one(System, system.id)


def count(engine: Engine, table: type) -> int:
    with Session(engine) as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def written_ids(engine: Engine) -> list[list[int]]:
    with Session(engine) as session:
        return list(session.scalars(select(Continuation.token_ids).order_by(Continuation.passage_id)))


def test_everything_missing_is_written_and_released(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=5)

    outcome, reports = run(engine, system)

    assert outcome is Outcome.DONE
    # a small batch first, so that the first comparison is soon there
    assert [(report.written, report.total) for report in reports] == [(2, 5), (5, 5)]
    after = state_of(engine, system)
    assert (after.state, after.generated_tokens) == (GenerationState.DONE, 5 * 224)
    assert after.generation_seconds > 0
    assert count(engine, Candidacy) == 10
    with Session(engine) as session:
        numbers = list(session.scalars(select(Comparison.number).order_by(Comparison.number)))
        assert numbers == list(range(1, len(numbers) + 1))
        assert session.scalars(select(Study.comparisons)).one() == len(numbers)


def test_a_second_run_has_nothing_to_do_and_loads_no_model(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint)
    run(engine, system)
    with Session(engine) as session:
        session.get_one(Checkpoint, system.checkpoint_id).source = "/gone"
        session.commit()

    assert run(engine, system) == (Outcome.DONE, [])
    assert count(engine, Continuation) == 5


def test_the_text_joins_to_its_context(engine: Engine, tiny_checkpoint: Path) -> None:
    run(engine, commit_system(engine, tiny_checkpoint, passages=1))

    with Session(engine) as session:
        continuation, passage = session.scalars(select(Continuation)).one(), session.scalars(select(Passage)).one()
    prompt = REFERENCE.encode(passage.context).ids
    joined = REFERENCE.decode([*prompt, *continuation.token_ids])
    assert joined.rstrip("\ufffd") == passage.context + continuation.text
    assert continuation.engine == "transformers, no beginning-of-sequence token"


def test_neither_batch_nor_restart_changes_what_nucleus_sampling_draws(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, strategy=Strategy.NUCLEUS, temperature=5.0)
    run(engine, system, first_batch=5)
    at_once = written_ids(engine)
    with Session(engine) as session:
        for table in (Candidacy, Comparison, Continuation):
            session.execute(table.__table__.delete())
        session.commit()

    run(engine, system, first_batch=1, batch=2)

    assert written_ids(engine) == at_once
    assert len({tuple(ids) for ids in at_once}) == 5


def test_passages_that_are_accepted_meanwhile_are_written_too(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=1)

    def accept_another(progress: Progress) -> None:
        if progress.total == 1:
            with Session(engine) as session:
                cut = REFERENCE.cut(sample_text(50))
                dataset = session.scalars(select(Passage)).one().dataset_id
                study = session.get_one(Study, system.study_id)
                make_passage_in(session, study, dataset, cut.context, cut.original)
                session.commit()

    order = Order(engine.url.render_as_string(hide_password=False), system.id)
    assert generate(order, accept_another, Loaded()) is Outcome.DONE

    assert count(engine, Continuation) == 2


def make_passage_in(session: Session, study: Study, dataset_id: int, context: str, original: str) -> None:
    session.add(
        Passage(
            study_id=study.id,
            dataset_id=dataset_id,
            context=context,
            original=original,
            token_ids=list(range(256)),
            content_hash=f"{1:064x}",
            state="accepted",
        )
    )


def test_a_system_with_other_tokens_writes_until_its_text_is_long_enough(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=1)
    run(engine, system)
    # Reference tokens that are longer than the system's: pieces of the very texts that it writes.
    with Session(engine) as session:
        texts = list(session.scalars(select(Continuation.text)))
        study = session.get_one(Study, system.study_id)
        study.reference_tokens_sha256 = keep_tokenizer(session, longer_tokens(texts))
        for table in (Candidacy, Comparison, Continuation):
            session.execute(table.__table__.delete())
        session.commit()

    outcome, _ = run(engine, system)

    assert (outcome, state_of(engine, system).reason) == (Outcome.DONE, None)
    assert all(len(ids) > 224 for ids in written_ids(engine))


def longer_tokens(texts: list[str]) -> bytes:
    """A tokenizer that needs fewer tokens for these texts than the tiny one."""
    from tokenizers import decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=258, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str().encode()


def keep_tokenizer(session: Session, tokenizer_json: bytes) -> str:
    sha256 = ReferenceTokenizer(tokenizer_json).sha256
    session.add(ReferenceTokens(sha256=sha256, name="other", tokenizer_json=tokenizer_json))
    session.flush()
    return sha256


def test_only_one_process_writes_for_a_system(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=1)
    url = engine.url.render_as_string(hide_password=False)

    with session_holding(url, generation_lock(system.id)):
        assert run(engine, system) == (Outcome.BUSY, [])

    assert run(engine, system)[0] is Outcome.DONE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": "/nowhere/at/all"}, "There is no folder /nowhere/at/all on the machine of this worker."),
        ({"state": CheckpointState.VALIDATING}, "is validating; only a ready one generates"),
        ({"source": "not-a-hub-id-of-anybody"}, "neither a folder here nor to be had from the model hub"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_a_reason(
    engine: Engine,
    tiny_checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object],
    reason: str,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    system = commit_system(engine, tiny_checkpoint, passages=1)
    with Session(engine) as session:
        checkpoint = session.get_one(Checkpoint, system.checkpoint_id)
        for column, value in change.items():
            setattr(checkpoint, column, value)
        session.commit()

    assert run(engine, system)[0] is Outcome.FAILED

    after = state_of(engine, system)
    assert after.state is GenerationState.FAILED
    assert reason in str(after.reason)
    assert count(engine, Continuation) == 0


def test_a_folder_without_a_tokenizer_is_a_reason(engine: Engine, tiny_checkpoint: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "generation_config.json"):
        (tmp_path / name).symlink_to(tiny_checkpoint / name)
    system = commit_system(engine, tmp_path, passages=1)

    assert run(engine, system)[0] is Outcome.FAILED
    assert "has no tokenizer.json" in str(state_of(engine, system).reason)


def test_a_folder_that_lacks_weights_is_a_reason_and_writes_no_noise(
    engine: Engine, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    for name in ("config.json", "generation_config.json", "tokenizer.json"):
        (tmp_path / name).symlink_to(tiny_checkpoint / name)
    weights = load_file(tiny_checkpoint / "model.safetensors")
    lost = [name for name in weights if ".layers.1." in name]
    save_file({name: weights[name] for name in weights if name not in lost}, tmp_path / "model.safetensors")
    system = commit_system(engine, tmp_path, passages=1)

    assert run(engine, system)[0] is Outcome.FAILED

    reason = str(state_of(engine, system).reason)
    assert f"lacks weights that its model needs: {min(lost)}" in reason
    assert f"and {len(lost) - 3} more" in reason
    assert count(engine, Continuation) == 0


def test_a_closed_study_gets_nothing_more(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=1)
    with Session(engine) as session:
        session.get_one(Study, system.study_id).state = StudyState.CLOSED
        session.commit()

    assert run(engine, system)[0] is Outcome.FAILED
    assert "is closed" in str(state_of(engine, system).reason)


def test_a_system_that_was_deleted_needs_nothing(engine: Engine) -> None:
    assert generate(Order(engine.url.render_as_string(hide_password=False), 12345), print, Loaded()) is Outcome.DONE


def with_room_for(most: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A device that takes `most` texts at a time; returns how many each attempt had."""
    attempts: list[int] = []
    load = transformers_engine.load_model

    def load_with_little_room(checkpoint: Path, device: str | None = None, **options: str) -> tuple[Any, str]:
        model, device = load(checkpoint, device, **options)
        generate_with_room = model.generate

        def limited(input_ids: torch.Tensor, **rest: object) -> object:
            attempts.append(len(input_ids))
            if len(input_ids) > most:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return generate_with_room(input_ids, **rest)

        model.generate = limited
        return model, device

    monkeypatch.setattr(transformers_engine, "load_model", load_with_little_room)
    return attempts


def test_out_of_memory_halves_the_batch_and_goes_on(
    engine: Engine, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=5)
    attempts = with_room_for(2, monkeypatch)

    outcome, _ = run(engine, system, first_batch=1, batch=4)

    assert outcome is Outcome.DONE
    assert attempts == [1, 4, 2, 2]
    assert count(engine, Continuation) == 5


def test_a_text_that_does_not_fit_alone_is_a_reason(
    engine: Engine, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=2)
    attempts = with_room_for(0, monkeypatch)

    assert run(engine, system)[0] is Outcome.FAILED

    assert attempts == [2, 1]
    assert "Not even one text at a time fits the memory" in str(state_of(engine, system).reason)


def test_a_paused_system_writes_nothing(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=2, paused=True)

    assert run(engine, system) == (Outcome.DONE, [])
    assert count(engine, Continuation) == 0
