"""A saved state: by as many processes as it was saved by, and whole or not at all."""

from pathlib import Path

import numpy as np
import pytest

from app.errors import ConflictError
from hyperfitting.disk import FullDiskError
from hyperfitting.model import load_model
from hyperfitting.state import restore_state, save_state
from hyperfitting.training import Share, Trainer
from tests.hyperfitting.conftest import SMALL
from tests.tiny_model import VOCABULARY

SAMPLES = np.random.default_rng(0).integers(1, VOCABULARY, (16, 32), dtype=np.int32)


def make_trainer(checkpoint: Path, share: Share | None = None) -> Trainer:
    return Trainer(load_model(checkpoint, SMALL), SAMPLES, SMALL, share or Share())


def test_another_number_of_processes_cannot_go_on_with_it(tiny_checkpoint: Path, tmp_path: Path) -> None:
    trainer = make_trainer(tiny_checkpoint)
    trainer.step()
    save_state(tmp_path, trainer)

    with pytest.raises(ConflictError, match="was trained by 1 processes; go on with as many, or remove it"):
        restore_state(tmp_path, make_trainer(tiny_checkpoint, Share(0, 2)))


def test_a_state_that_cannot_be_written_leaves_the_one_before_it(tiny_checkpoint: Path, tmp_path: Path) -> None:
    trainer = make_trainer(tiny_checkpoint)
    trainer.step()
    save_state(tmp_path, trainer)
    trainer.step()
    (tmp_path / "state-2" / "part-0.safetensors").mkdir(parents=True)  # where its file has to go

    with pytest.raises(FullDiskError, match="What was saved before is kept: make room"):
        save_state(tmp_path, trainer)

    before = make_trainer(tiny_checkpoint)
    assert restore_state(tmp_path, before)
    assert before.update == 1
