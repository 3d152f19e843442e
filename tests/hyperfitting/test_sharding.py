"""Two processes on the CPU train one model in parts, as many GPUs would."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import distributed

from hyperfitting.checkpoints import read_lineage
from hyperfitting.config import ConfigError, Precision
from hyperfitting.curve import read_curve
from hyperfitting.model import load_model
from hyperfitting.run import Watchers, hyperfit
from hyperfitting.sharding import check_batch, join, leave, shard
from hyperfitting.training import Share
from tests.hyperfitting.conftest import SMALL

PROCESS = """
import sys
from pathlib import Path
import torch
from torch.distributed.tensor import DTensor
from hyperfitting import run as running
from hyperfitting.plan import Plan
from hyperfitting.model import load_model
from hyperfitting.run import Watchers, hyperfit
from hyperfitting.sharding import join
from tests.hyperfitting.conftest import SMALL, make_documents

torch.set_num_threads(1)
share = join()
place = running.place

def placed(*args):
    model = place(*args)
    for name, parameter in model.named_parameters():
        assert isinstance(parameter, DTensor), name
        mine, whole = parameter.to_local().numel(), parameter.numel()
        assert mine < whole and abs(mine - whole / 2) <= whole / parameter.shape[0], (name, mine, whole)
    print(f"process {share.rank} holds its part of every parameter")
    return model

running.place = placed
base, out, end = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

def stop(step):
    if step.update == end:
        torch.distributed.destroy_process_group()
        sys.exit(7)

hyperfit(Plan(base, "tiny", make_documents(30), "words", out, SMALL), Watchers([stop]), share)
torch.distributed.destroy_process_group()
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def run_two(base: Path, out: Path, *, end: int = 0) -> list[tuple[int, str]]:
    """Exit code and output of both processes."""
    world = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "GLOO_SOCKET_IFNAME": "lo"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, base, out, str(end)],
            env=os.environ | world | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=240)[0] for process in processes]
    return [(process.returncode, output) for process, output in zip(processes, outputs, strict=True)]


def test_two_processes_hold_half_of_every_parameter_and_train_as_one_would(plan, tiny_checkpoint, tmp_path):
    alone = hyperfit(plan(out="alone"), Watchers())

    cut_off = run_two(tiny_checkpoint, tmp_path / "both", end=5)
    assert [code for code, _ in cut_off] == [7, 7], cut_off
    ended = run_two(tiny_checkpoint, tmp_path / "both")

    assert [code for code, _ in ended] == [0, 0], ended
    for rank, (_, output) in enumerate(ended):
        assert f"process {rank} holds its part of every parameter" in output
    assert read_lineage(tmp_path / "both").processes == 2
    assert [point.update for point in read_curve(tmp_path / "both" / "curve.jsonl")] == [0, 2, 4, 6]
    one, both = load_file(alone / "model.safetensors"), load_file(tmp_path / "both" / "model.safetensors")
    assert one.keys() == both.keys()
    for name, tensor in one.items():
        # sums in another order, and Adam's division by small gradients, move weights by less than a step
        assert (tensor - both[name]).abs().max() < SMALL.lr / 2, name
    assert read_curve(alone / "curve.jsonl")[-1].train_loss == pytest.approx(
        read_curve(tmp_path / "both" / "curve.jsonl")[-1].train_loss, rel=1e-3
    )


def test_a_batch_that_processes_cannot_share_equally_is_refused():
    with pytest.raises(ConfigError, match="3 processes cannot share 8 sequences equally"):
        check_batch(SMALL, Share(0, 3))
    with pytest.raises(ConfigError, match="choose --samples that are a multiple of 8"):
        check_batch(replace(SMALL, samples=12), Share(0, 2))
    check_batch(SMALL, Share(0, 2))
    check_batch(replace(SMALL, samples=12), Share())


def test_on_gpus_each_process_takes_the_one_of_its_number(monkeypatch):
    done: list[object] = []
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", done.append)
    monkeypatch.setattr(distributed, "init_process_group", done.append)
    monkeypatch.setattr(distributed, "get_rank", lambda: 3)

    assert join() == Share(3, 4)
    assert done == [3, "nccl"]


def test_a_sharded_model_in_bf16_keeps_its_weights_in_float32(tiny_checkpoint):
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        model = shard(load_model(tiny_checkpoint, SMALL), Precision.BF16, Share())

        logits = model(input_ids=torch.ones((1, 4), dtype=torch.int64), use_cache=False).logits

        assert logits.dtype == torch.bfloat16
        assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    finally:
        leave(Share(0, 2))
    assert not distributed.is_initialized()
