"""What `toprank worker --plan` prints."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from cli.connection import transaction

if TYPE_CHECKING:
    from worker.plan import PlannedJob


def print_plan(data_dir: Path | None, *, as_json: bool) -> None:
    """The devices and engines of this machine, then each job that waits: what it needs, and whether it fits here."""
    from dataclasses import asdict

    from app.settings import Settings
    from worker.fit import GIB
    from worker.plan import make_plan

    settings = Settings()
    with transaction(data_dir) as session:
        plan = make_plan(session)
    if as_json:
        batches = {"first_batch": settings.generation_first_batch, "batch": settings.generation_batch}
        print(json.dumps(asdict(plan) | batches | {"store": str(settings.store_dir)}, indent=2))
        return
    for device in plan.devices:
        print(f"Device: {device.name}, {device.memory / GIB:.0f} GiB")
    print(f"Engines: {', '.join(plan.engines) or 'none; install the extra local, or vllm'}")
    print(f"Batches: {settings.generation_first_batch}, then {settings.generation_batch} texts at a time")
    print(f"Store: {settings.store_dir}")
    print(f"Jobs: {len(plan.jobs)}")
    for job in plan.jobs:
        print(f"  {job.status:6} {job.work:9} {job.subject:30} {_how(job)}")


def _how(job: "PlannedJob") -> str:
    fit = job.fit
    if fit is None:
        source = job.source or "no model"
        return f"{job.engine}, {source}: its weights are not in a folder of this machine, or cannot be read"
    size = f"{job.engine}, {fit.gib:.1f} GiB"
    asked = f"{fit.devices} devices" if fit.devices > 1 else "one device"
    if fit.nodes > 1:
        asked += f" of each of {fit.nodes} nodes of a Ray cluster"
    if fit.is_here:
        return f"{size}: runs here, on {asked}"
    if not fit.has_devices:
        return f"{size}: wants {asked}, more than are here"
    if job.engine == "training":
        return f"{size}: needs {fit.devices_needed} such devices, by torchrun (see the guide to operations)"
    return (
        f"{size}: does not fit {asked}; {fit.devices_needed} such devices hold it, by vLLM, with the checkpoint "
        f"set to --tensor-parallel {fit.devices_needed}"
    )
