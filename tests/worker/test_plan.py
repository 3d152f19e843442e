"""`toprank worker --plan` says what would run here, and whether it fits."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.domain.downstream import order_downstream
from app.domain.downstream_plan import DownstreamPlan
from app.domain.generation_queue import queue_generation
from app.domain.hyperfit_plan import HyperfitPlan, Text
from app.domain.hyperfitting import order_training
from app.domain.scoring_queue import queue_scoring
from app.models import Checkpoint, Study, System
from app.queue import MEASURE, SCORE, defer
from cli.main import app
from tests.factories import make_checkpoint
from tests.generation.pool import commit_system
from worker.fit import GIB, Device
from worker.plan import find_devices, make_plan

GPU = Device("GPU", 80 * GIB, is_gpu=True)


@pytest.fixture
def system(engine: Engine, database_url: str, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """A system whose generation and scoring wait."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    system = commit_system(engine, tiny_checkpoint, passages=1, name="greedy")
    with Session(engine) as session:
        study = session.get_one(Study, system.study_id)
        queue_scoring(session, study)
        queue_generation(session, study)
        session.commit()
    return system


def test_jobs_come_in_the_order_in_which_workers_take_them(system: System, engine: Engine) -> None:
    done = CliRunner().invoke(app, ["worker", "--plan", "--json"])

    found = json.loads(done.stdout)
    first, second = found["jobs"]
    assert (first["work"], first["subject"], first["fits"]) == ("generate", "greedy", True)
    assert second["work"] == "score"
    assert "transformers" in found["engines"]
    assert found["batch"] == 32


def test_it_reads_as_sentences(system: System) -> None:
    lines = CliRunner().invoke(app, ["worker", "--plan"]).stdout.splitlines()

    assert lines[0].startswith("Device: ")
    assert "Jobs: 2" in lines
    assert lines[-2].endswith("GiB: runs here, on one device")


def test_a_model_that_is_too_large_or_elsewhere_is_said(
    system: System, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.plan.find_devices", lambda: [Device("tiny GPU", 1000, is_gpu=True)])
    with Session(engine) as session:
        assert {job.fits for job in make_plan(session).jobs} == {False}
    assert "set to --tensor-parallel" in CliRunner().invoke(app, ["worker", "--plan"]).stdout
    with Session(engine) as session:
        session.get_one(Checkpoint, system.checkpoint_id).source = "org/model"
        session.commit()
        assert {job.fits for job in make_plan(session).jobs} == {None}
    assert "org/model: its weights are not in a folder of this machine" in (
        CliRunner().invoke(app, ["worker", "--plan"]).stdout
    )


def test_a_checkpoints_parallel_settings_say_on_how_many_devices_and_nodes_vllm_runs_it(
    system: System, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.plan._engine", lambda _name: "vllm")
    with Session(engine) as session:
        checkpoint = session.get_one(Checkpoint, system.checkpoint_id)
        checkpoint.engine_settings = {"tensor_parallel": 2, "pipeline_parallel": 3}
        session.commit()

    monkeypatch.setattr("worker.plan.find_devices", lambda: [GPU])
    one_gpu = CliRunner().invoke(app, ["worker", "--plan"]).stdout
    monkeypatch.setattr("worker.plan.find_devices", lambda: [GPU, GPU])
    two_gpus = CliRunner().invoke(app, ["worker", "--plan"]).stdout

    assert "wants 2 devices of each of 3 nodes of a Ray cluster, more than are here" in one_gpu
    assert "runs here, on 2 devices of each of 3 nodes of a Ray cluster" in two_gpus
    assert "score" in two_gpus  # which is transformers' work, on one device whatever the settings
    assert "transformers, 0.0 GiB: runs here, on one device" in two_gpus


def test_a_run_that_waits_says_what_training_needs(
    database_url: str, engine: Engine, tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr("worker.plan.find_devices", lambda: [Device("tiny GPU", 1000, is_gpu=True)])
    with Session(engine) as session:
        make_checkpoint(session, name="base", source=str(tiny_checkpoint))
        plan = HyperfitPlan("sharp", "base", "stories", [Text("Once upon a time.")], config={}, total_updates=1)
        order_training(session, plan, tmp_path / "sharp")
        session.commit()

    (job,) = json.loads(CliRunner().invoke(app, ["worker", "--plan", "--json"]).stdout)["jobs"]

    assert (job["work"], job["subject"], job["engine"], job["fits"]) == ("hyperfit", "sharp", "training", False)
    assert "by torchrun" in CliRunner().invoke(app, ["worker", "--plan"]).stdout


def test_downstream_tasks_and_measuring_wait_too_and_what_was_removed_does_not(
    engine: Engine, tiny_checkpoint: Path
) -> None:
    with Session(engine) as session:
        make_checkpoint(session, name="base", source=str(tiny_checkpoint))
        order_downstream(session, ["base"], DownstreamPlan(tasks=("boolq",)))
        defer(session, MEASURE, study_id=1)
        defer(session, SCORE, checkpoint_id=4711, study_id=1)

        downstream, measuring = make_plan(session).jobs

    assert (downstream.work, downstream.subject, downstream.engine) == ("downstream", "base", "transformers")
    assert (measuring.work, measuring.subject, measuring.fits) == ("measure", "", None)


def test_gpus_are_devices_where_torch_finds_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    found = SimpleNamespace(name="GPU", total_memory=80 * GIB)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _at: found)

    assert find_devices() == [GPU, GPU]


def test_a_machine_without_torch_is_a_cpu_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    (device,) = find_devices()

    assert device.name.startswith("CPU, ")
    assert device.memory > 0
    assert not device.is_gpu
