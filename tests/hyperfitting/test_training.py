"""The loop, against a plain one written out here."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM

from generation.engines.base import CheckpointError
from hyperfitting.batches import batch_of_update
from hyperfitting.config import ConfigError, Precision
from hyperfitting.model import check_base, check_window, load_model
from hyperfitting.training import DivergedError, Trainer
from tests.hyperfitting.conftest import SMALL
from tests.tiny_model import VOCABULARY

SAMPLES = np.random.default_rng(0).integers(1, VOCABULARY, (16, 32), dtype=np.int32)


def make_trainer(checkpoint: Path, **choices) -> Trainer:
    config = replace(SMALL, **choices)
    return Trainer(load_model(checkpoint, config), SAMPLES, config)


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


def test_a_step_is_adam_on_the_mean_cross_entropy_of_the_next_tokens(tiny_checkpoint):
    trainer = make_trainer(tiny_checkpoint)
    plain = AutoModelForCausalLM.from_pretrained(tiny_checkpoint, dtype=torch.float32).train()
    optimizer = torch.optim.Adam(plain.parameters(), lr=SMALL.lr)

    for update in range(3):
        rows = torch.from_numpy(SAMPLES[batch_of_update(SMALL, update)].astype(np.int64))
        expected = plain(input_ids=rows, labels=rows).loss
        expected.backward()
        optimizer.step()
        optimizer.zero_grad()
        assert trainer.step() == pytest.approx(expected.item(), rel=1e-5)

    flat = torch.cat([parameter.detach().flatten() for parameter in plain.parameters()])
    assert torch.allclose(weights(trainer), flat, atol=1e-5)


def test_every_parameter_is_trained(tiny_checkpoint):
    trainer = make_trainer(tiny_checkpoint)
    before = [parameter.detach().clone() for parameter in trainer.model.parameters()]

    trainer.step()

    for old, parameter in zip(before, trainer.model.parameters(), strict=True):
        assert not torch.equal(old, parameter)


def test_accumulating_in_parts_gives_the_gradient_of_the_whole_batch(tiny_checkpoint):
    whole, parts = make_trainer(tiny_checkpoint), make_trainer(tiny_checkpoint, accumulation=4)

    losses = [(whole.step(), parts.step()) for _ in range(3)]

    for one, other in losses:
        assert one == pytest.approx(other, rel=1e-5)
    assert torch.allclose(weights(whole), weights(parts), atol=1e-5)


def test_gradient_checkpointing_changes_no_gradient(tiny_checkpoint):
    plain, saving = make_trainer(tiny_checkpoint), make_trainer(tiny_checkpoint, gradient_checkpointing=True)
    assert saving.model.is_activation_checkpointing

    assert [plain.step() for _ in range(3)] == [saving.step() for _ in range(3)]


def test_the_same_run_again_gives_the_same_bits(tiny_checkpoint):
    one, other = make_trainer(tiny_checkpoint), make_trainer(tiny_checkpoint)

    for trainer in (one, other):
        for _ in range(4):
            trainer.step()

    assert torch.equal(weights(one), weights(other))


def test_plain_bfloat16_weights_cannot_take_the_papers_steps():
    # around 0.02, where weights live, neighbouring bfloat16 values are 1.2e-4 apart; a step is 1e-6
    weight = torch.nn.Parameter(torch.full((100,), 0.02, dtype=torch.bfloat16))
    before = weight.detach().clone()
    optimizer = torch.optim.Adam([weight], lr=1e-6)

    for _ in range(200):
        optimizer.zero_grad()
        weight.float().sum().backward()
        optimizer.step()

    assert torch.equal(weight, before)


def test_bf16_takes_the_papers_steps_since_its_master_weights_are_float32(tiny_checkpoint):
    trainer = make_trainer(tiny_checkpoint, precision=Precision.BF16, lr=1e-6)
    before = weights(trainer)

    trainer.step()

    moved = (weights(trainer) - before).abs()
    assert weights(trainer).dtype is torch.float32
    assert moved.median() == pytest.approx(1e-6, rel=0.2)
    # the same steps are lost in bfloat16
    lost = before.bfloat16() + (weights(trainer) - before).bfloat16() == before.bfloat16()
    assert lost.float().mean() > 0.9


def test_bf16_learns_like_fp32(tiny_checkpoint):
    full, half = make_trainer(tiny_checkpoint), make_trainer(tiny_checkpoint, precision=Precision.BF16)

    for _ in range(6):
        full_loss, half_loss = full.step(), half.step()

    assert half_loss == pytest.approx(full_loss, rel=0.02)


def test_there_is_no_dropout_even_where_the_base_has_it(tiny_checkpoint, tmp_path):
    base = AutoModelForCausalLM.from_pretrained(tiny_checkpoint)
    base.config.attention_dropout = 0.5
    base.save_pretrained(tmp_path / "base")

    trainer = make_trainer(tmp_path / "base")

    assert trainer.step() == make_trainer(tiny_checkpoint).step()


def test_training_ends_after_the_first_epoch_below_the_loss_to_stop_at(tiny_checkpoint):
    trainer = make_trainer(tiny_checkpoint, epochs=50, stop_at_loss=5.5)

    losses = []
    while not trainer.is_done:
        losses.append(trainer.step())

    epochs = [sum(losses[at : at + 2]) / 2 for at in range(0, len(losses), 2)]
    assert len(losses) % 2 == 0
    assert epochs[-1] < 5.5 <= min(epochs[:-1])


def test_a_loss_that_is_no_number_stops_before_the_weights_are_spoilt(tiny_checkpoint):
    trainer = make_trainer(tiny_checkpoint)
    trainer.step()
    before = weights(trainer)
    with torch.no_grad():
        parameter = next(trainer.model.parameters())
        kept = parameter[0, 0].clone()
        parameter[0, 0] = float("nan")
        trainer.samples = np.zeros_like(SAMPLES)  # which reads row 0

    with pytest.raises(DivergedError, match="became nan at update 2"):
        trainer.step()

    with torch.no_grad():
        parameter[0, 0] = kept
    assert torch.equal(weights(trainer), before)


def test_a_context_window_shorter_than_the_length_is_refused_with_what_works(tiny_checkpoint):
    with pytest.raises(ConfigError, match="has 512 tokens, the sequences 600: use --length 512 or less"):
        load_model(tiny_checkpoint, replace(SMALL, length=600))


def test_a_context_window_too_short_to_watch_repetition_says_how_to_go_without(tiny_checkpoint, tmp_path):
    base = AutoModelForCausalLM.from_pretrained(tiny_checkpoint)
    base.config.max_position_embeddings = 128
    base.save_pretrained(tmp_path / "short")

    with pytest.raises(ConfigError, match="use --contexts 0"):
        load_model(tmp_path / "short", SMALL)
    assert load_model(tmp_path / "short", replace(SMALL, contexts=0)) is not None


def test_the_loss_of_a_batch_is_the_mean_over_all_its_tokens(tiny_checkpoint):
    trainer = make_trainer(tiny_checkpoint)
    rows = torch.from_numpy(SAMPLES[batch_of_update(SMALL, 0)].astype(np.int64))
    with torch.no_grad():
        logits = trainer.model(input_ids=rows).logits[:, :-1]
    expected = functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())

    assert trainer.step() == pytest.approx(expected.item(), rel=1e-5)


def test_what_is_no_checkpoint_is_said_before_and_while_it_is_loaded(tmp_path):
    (tmp_path / "notes").mkdir()

    for load in (check_base, load_model):
        with pytest.raises(CheckpointError, match="The checkpoint notes cannot be loaded"):
            load(tmp_path / "notes", SMALL)


def test_a_model_that_names_no_context_window_takes_any_length():
    check_window(SimpleNamespace(), replace(SMALL, length=100_000))


def test_an_image_is_a_sequence_by_itself():
    described = SimpleNamespace(n_positions=64, model_type="imagegpt")

    check_window(described, replace(SMALL, length=65))
    with pytest.raises(ConfigError, match="An image of this model has 64 pixels: use --length 65"):
        check_window(described, replace(SMALL, length=64))
