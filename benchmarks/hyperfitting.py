"""How fast the trainer is, against Hugging Face's and a plain loop on the same batches, and how much memory it takes.

    python -m benchmarks.hyperfitting --json                       the demo's model, 8 x 128 tokens
    python -m benchmarks.hyperfitting --json --base DIR --rounds 3

Each contender trains the same model on the same sequences with the same settings (float32, PyTorch's fused Adam at a
constant rate, no clipping, no decay). They take turns in one process, an update each, so that a loaded machine slows
them alike; speed is by CPU seconds of the process, and the median of the turns counts. The loss and its gradient, which
is where ours differs, are timed alone as well. Peak memory is of a process of each one's own, beside the least that
weights, gradients and Adam's two moments need (16 bytes a parameter).
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from app.settings import Settings
from hyperfitting.config import HyperfitConfig
from hyperfitting.loss import loss_and_gradient
from hyperfitting.model import load_model
from hyperfitting.training import Trainer

BYTES_PER_PARAMETER = 16
OTHERS = ("plain", "hf_trainer")
CONTENDERS = ("ours", *OTHERS)
UPDATES = 1
LOSS_ROUNDS = 7
Timed = Callable[[], float]


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true", help="the only format there is")
    parser.add_argument("--base", type=Path)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    base = given.base or _demo_model()
    config = HyperfitConfig(samples=64, length=given.length, batch_size=given.batch_size, lr=1e-5, contexts=0)
    if given.contender:
        print(json.dumps(_memory(given.contender, base, config)))
        return
    measured = {"settings": _settings(base, config), "loss_alone": _loss_alone(base, config)}
    print(json.dumps(measured | {"speed": _speed(base, config, given.rounds)} | _memories()))


def _demo_model() -> Path:
    from generation.smollm2 import prepare

    return prepare(Settings().cache_dir)


def _settings(base: Path, config: HyperfitConfig) -> dict[str, Any]:
    return {
        "base": base.name,
        "batch_size": config.batch_size,
        "length": config.length,
        "precision": str(config.precision),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _speed(base: Path, config: HyperfitConfig, rounds: int) -> dict[str, Any]:
    """Tokens per CPU second of each, and ours over the best of the others; each round begins with another one."""
    timed = {name: _contender(name, base, config) for name in CONTENDERS}
    spent: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for turn in range(rounds):
        for name in CONTENDERS[turn % 3 :] + CONTENDERS[: turn % 3]:
            spent[name].append(timed[name]())
    medians = {name: median(seconds) for name, seconds in spent.items()}
    best = min(OTHERS, key=medians.__getitem__)
    tokens = UPDATES * config.batch_size * config.length
    return {f"{name}_tokens_per_cpu_s": round(tokens / middle, 1) for name, middle in medians.items()} | {
        "optimizer_of_all": "torch.optim.Adam(fused=True)",
        "turns": rounds,
        "best": best,
        "ours_over_best": round(medians[best] / medians["ours"], 3),
        "ours_over_best_by_turn": [
            round(other / mine, 3) for other, mine in zip(spent[best], spent["ours"], strict=True)
        ],
    }


def _loss_alone(base: Path, config: HyperfitConfig) -> dict[str, float]:
    """CPU seconds of the loss of a batch's logits and the gradient by them, ours and PyTorch's in turns; medians."""
    vocabulary = json.loads((base / "config.json").read_text())["vocab_size"]
    targets = torch.randint(vocabulary, (config.batch_size, config.length))
    spent: dict[str, list[float]] = {"ours": [], "pytorch": []}
    for name in ("ours", "pytorch") * LOSS_ROUNDS:
        logits = torch.randn(*targets.shape, vocabulary).requires_grad_()
        began = time.process_time()
        if name == "ours":
            loss_and_gradient(logits.detach(), targets, weight=1.0)
        else:
            following = functional.pad(targets[:, 1:], (0, 1), value=-100)  # as transformers does it
            torch.autograd.grad(functional.cross_entropy(logits.flatten(0, 1), following.flatten()), logits)
        spent[name].append(time.process_time() - began)
    return {f"{name}_cpu_s": round(median(seconds), 3) for name, seconds in spent.items()}


def _contender(name: str, base: Path, config: HyperfitConfig) -> Timed:
    samples = np.random.default_rng(0).integers(10, 300, (config.samples, config.length), dtype=np.int32)
    makers = {"ours": _ours, "plain": _plain, "hf_trainer": _hugging_face}
    return makers[name](base, config, samples)


def _by_step(step: Callable[[], object]) -> Timed:
    """CPU seconds of some updates, after one that is not counted."""

    def timed() -> float:
        step()
        began = time.process_time()
        for _ in range(UPDATES):
            step()
        return time.process_time() - began

    return timed


def _adam(model: Any, config: HyperfitConfig) -> torch.optim.Optimizer:
    """What `Trainer` of ours steps with."""
    return torch.optim.Adam(model.parameters(), lr=config.lr, fused=True)


def _ours(base: Path, config: HyperfitConfig, samples: NDArray[np.int32]) -> Timed:
    return _by_step(Trainer(load_model(base, config), samples, config).step)


def _plain(base: Path, config: HyperfitConfig, samples: NDArray[np.int32]) -> Timed:
    """What one writes by hand: the model's own loss, backward, Adam."""
    model: Any = load_model(base, config)
    optimizer = _adam(model, config)
    rows = torch.from_numpy(samples[: config.batch_size].astype(np.int64)).to(model.device)

    def step() -> None:
        model(input_ids=rows, labels=rows).loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return _by_step(step)


def _hugging_face(base: Path, config: HyperfitConfig, samples: NDArray[np.int32]) -> Timed:
    """`transformers.Trainer`, from the end of its first update to that of its last."""
    from transformers import Trainer as HuggingFaceTrainer
    from transformers import TrainerCallback, TrainingArguments

    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: object, **__: object) -> None:
            ends.append(time.process_time())

    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        max_steps=UPDATES + 1,
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.lr,
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        use_cpu=not torch.cuda.is_available(),
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    model: Any = load_model(base, config)
    rows = [{"input_ids": row, "labels": row} for row in torch.from_numpy(samples.astype(np.int64))]
    optimizer = _adam(model, config)

    def timed() -> float:
        ends.clear()
        trainer = HuggingFaceTrainer(
            model=model, args=arguments, train_dataset=rows, optimizers=(optimizer, None), callbacks=[Clock()]
        )
        with redirect_stdout(sys.stderr):  # it prints a summary
            trainer.train()
        return ends[-1] - ends[0]

    return timed


def _memories() -> dict[str, Any]:
    """Peak memory of each in a process of its own, on the same command line."""
    found = {}
    for name in CONTENDERS:
        command = [sys.executable, "-m", "benchmarks.hyperfitting", *sys.argv[1:], "--contender", name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found[name] = json.loads(done.stdout.splitlines()[-1])
    return {"memory": found}


def _memory(name: str, base: Path, config: HyperfitConfig) -> dict[str, float]:
    libraries = _resident()
    _contender(name, base, config)()
    # not ru_maxrss, which a process inherits from the one that started it
    peak = 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])
    parameters = sum(parameter.numel() for parameter in load_model(base, config).parameters())
    return {
        "peak_gb": round(peak / 1e9, 3),
        "before_loading_gb": round(libraries / 1e9, 3),
        "least_gb": round(parameters * BYTES_PER_PARAMETER / 1e9, 3),
        "peak_over_least": round(peak / (parameters * BYTES_PER_PARAMETER), 3),
    }


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
