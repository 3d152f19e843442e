"""What a worker on this machine would run: its devices, the jobs that wait, and whether each model fits."""

import importlib.util
import os
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.domain.engine_settings import engine_settings_of
from app.models import Checkpoint, DownstreamRun, HyperfitRun, System
from app.queue import DOWNSTREAM, GENERATE, HYPERFIT, SCORE, waiting_jobs
from generation.loaded import AUTOMATIC, engine_here
from worker.fit import Device, Fit, Loading, fit_of


@dataclass(frozen=True)
class PlannedJob:
    """A job that waits or runs, and whether it `fits` here; None where the weights are not on this machine."""

    status: str
    work: str
    subject: str
    engine: str
    source: str
    fits: bool | None = None
    fit: Fit | None = None


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
            return [Device(gpu.name, gpu.total_memory, is_gpu=True) for gpu in gpus]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [Device(f"CPU, {os.cpu_count()} cores", memory, is_gpu=False)]


def find_engines() -> list[str]:
    """The engines whose library is installed here."""
    return [name for name in ("transformers", "vllm") if importlib.util.find_spec(name) is not None]


def _planned(
    session: Session, devices: list[Device], status: str, task: str, args: dict[str, int | str]
) -> PlannedJob | None:
    """None for a job whose subject was removed."""
    work, loaded = task.rpartition(":")[2], None
    if task == GENERATE:
        system = session.get(System, args["system_id"])
        loaded = session.get(Checkpoint, system.checkpoint_id) if system else None
        subject, engine = (system.name if system else ""), _engine(str(args.get("engine", AUTOMATIC)))
    elif task == SCORE:
        loaded = session.get(Checkpoint, args["checkpoint_id"])
        subject, engine = (loaded.name if loaded else ""), "transformers"
    elif task == HYPERFIT:
        run, made = session.get(HyperfitRun, args["checkpoint_id"]), session.get(Checkpoint, args["checkpoint_id"])
        loaded = session.get(Checkpoint, run.base_id) if run else None
        subject, engine = (made.name if made else ""), "training"
    elif task == DOWNSTREAM:
        evaluation = session.get(DownstreamRun, args["run_id"])
        loaded = session.get(Checkpoint, evaluation.checkpoint_id) if evaluation else None
        subject, engine = (loaded.name if loaded else ""), "transformers"
    else:
        return PlannedJob(status, work, subject="", engine="", source="")
    if loaded is None:
        return None
    fit = fit_of(Loading(loaded.source, engine, engine_settings_of(loaded)), devices)
    return PlannedJob(status, work, subject, engine, loaded.source, fit.is_here if fit else None, fit)


def _engine(name: str) -> str:
    return engine_here() if name == AUTOMATIC and find_engines() else name
