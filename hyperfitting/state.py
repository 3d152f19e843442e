"""A run on disk, to go on after any end: weights, moments and counters, complete or not at all.

Each process writes its own part into a new folder; `state.json`, replaced by one rename, says which folder counts. The
arrays are safetensors: what a run reads back can run no code.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.distributed.tensor import DTensor

from app.errors import ConflictError
from hyperfitting.disk import as_full_disk, require_space
from hyperfitting.training import Trainer

POINTER = "state.json"
MOMENTS = ("exp_avg", "exp_avg_sq")
BYTES_PER_PARAMETER = 12


def save_state(work: Path, trainer: Trainer) -> None:
    """Keep where the training stands, then drop the state before it. Raises FullDiskError; the one before is kept."""
    folder = work / f"state-{trainer.update}"
    folder.mkdir(parents=True, exist_ok=True)
    tensors = dict(_tensors(trainer))
    require_space(work, sum(tensor.nbytes for tensor in tensors.values()))
    with as_full_disk(work, OSError, SafetensorError):
        save_file(tensors, folder / _part(trainer))
    trainer.share.wait()
    if trainer.share.rank == 0:
        pointer = {"folder": folder.name, "update": trainer.update, "losses": trainer.losses, "of": trainer.share.of}
        with as_full_disk(work, OSError):
            (work / f"{POINTER}.new").write_text(json.dumps(pointer), encoding="utf-8")
        (work / f"{POINTER}.new").rename(work / POINTER)
        for other in work.glob("state-*"):
            if other != folder:
                shutil.rmtree(other)
    trainer.share.wait()


def restore_state(work: Path, trainer: Trainer) -> bool:
    """Put the trainer where the saved state was; False when there is none yet."""
    try:
        pointer = json.loads((work / POINTER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    if pointer["of"] != trainer.share.of:
        raise ConflictError(
            f"{work} was trained by {pointer['of']} processes; go on with as many, or remove it to begin again."
        )
    saved = load_file(work / pointer["folder"] / _part(trainer))
    trainer.update, trainer.losses = pointer["update"], pointer["losses"]
    with torch.no_grad():
        for name, parameter in trainer.model.named_parameters():
            local(parameter).copy_(saved[name])
            moments = {moment: torch.zeros_like(parameter) for moment in MOMENTS}
            for moment, tensor in moments.items():
                local(tensor).copy_(saved[f"{moment}:{name}"])
            trainer.optimizer.state[parameter] = {"step": torch.tensor(float(trainer.update)), **moments}
    return True


def local(tensor: Tensor) -> Tensor:
    """This process's part of a tensor, which is all of it unless it is sharded; the same memory."""
    part: Tensor = tensor.to_local() if isinstance(tensor, DTensor) else tensor
    return part.detach()


def _tensors(trainer: Trainer) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in trainer.model.named_parameters():
        yield name, local(parameter).contiguous()
        for moment in MOMENTS:
            yield f"{moment}:{name}", local(trainer.optimizer.state[parameter][moment]).contiguous()


def _part(trainer: Trainer) -> str:
    return f"part-{trainer.share.rank}.safetensors"
