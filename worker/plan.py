"""What a worker on this machine would run: its devices, the jobs that wait, and whether each model fits."""

import importlib.util
import math
import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from app.models import Checkpoint, System
from app.queue import GENERATE, SCORE, waiting_jobs

# Room beside the weights for what a model computes and remembers.
ROOM = 1.2
GIB = 2**30


@dataclass(frozen=True)
class Device:
    """Something that models run on, and its memory in bytes."""

    name: str
    memory: int


@dataclass(frozen=True)
class PlannedJob:
    """A job that waits or runs, and how it would go here; `fits` is None where the weights are not on this machine."""

    status: str
    work: str
    subject: str
    engine: str
    source: str
    weights_gib: float | None
    devices_needed: int | None
    fits: bool | None


@dataclass(frozen=True)
class Plan:
    """The devices and engines of this machine, and the jobs in the order in which workers take them."""

    devices: list[Device]
    engines: list[str]
    jobs: list[PlannedJob]


def make_plan(session: Session) -> Plan:
    """What a worker that starts here now would find."""
    devices = find_devices()
    jobs = [_planned(session, devices, *job) for job in waiting_jobs(session)]
    return Plan(devices, find_engines(), [job for job in jobs if job is not None])


def find_devices() -> list[Device]:
    """The GPUs that torch sees, else the CPU with the machine's memory."""
    if importlib.util.find_spec("torch") is not None:
        import torch

        gpus = [torch.cuda.get_device_properties(at) for at in range(torch.cuda.device_count())]
        if gpus:
            return [Device(gpu.name, gpu.total_memory) for gpu in gpus]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [Device(f"CPU, {os.cpu_count()} cores", memory)]


def find_engines() -> list[str]:
    """The engines whose library is installed here."""
    return [name for name in ("transformers", "vllm") if importlib.util.find_spec(name) is not None]


def devices_needed(weights: int, memory: int) -> int:
    """How many devices of this memory hold such weights: a power of two, as tensor parallelism wants it.

    >>> devices_needed(15 * GIB, 80 * GIB), devices_needed(140 * GIB, 80 * GIB)
    (1, 4)
    """
    return 1 << max(0, math.ceil(math.log2(ROOM * weights / memory)))


def _planned(
    session: Session, devices: list[Device], status: str, task: str, args: dict[str, int | str]
) -> PlannedJob | None:
    if task == GENERATE:
        system = session.get(System, args["system_id"])
        checkpoint = session.get(Checkpoint, system.checkpoint_id) if system else None
        subject, engine = (system.name if system else ""), str(args.get("engine", "transformers"))
    elif task == SCORE:
        checkpoint = session.get(Checkpoint, args["checkpoint_id"])
        subject, engine = (checkpoint.name if checkpoint else ""), "transformers"
    else:
        return PlannedJob(status, task.rpartition(":")[2], "", "", "", None, None, None)
    if checkpoint is None:
        return None
    weights = sum(file.stat().st_size for file in Path(checkpoint.source).expanduser().glob("*.safetensors"))
    needed = devices_needed(weights, devices[0].memory) if weights else None
    usable = len(devices) if engine == "vllm" else 1
    return PlannedJob(
        status=status,
        work=task.rpartition(":")[2],
        subject=subject,
        engine=engine,
        source=checkpoint.source,
        weights_gib=round(weights / GIB, 2) if weights else None,
        devices_needed=needed,
        fits=needed <= usable if needed else None,
    )
