"""`toprank worker --plan` says what would run here, and whether it fits."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.domain.generation_queue import queue_generation
from app.domain.scoring_queue import queue_scoring
from app.models import Checkpoint, Study, System
from cli.main import app
from tests.generation.pool import commit_system
from worker.plan import GIB, Device, devices_needed, make_plan


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


@pytest.mark.parametrize(
    ("weights_gib", "memory_gib", "devices"),
    [
        (15, 80, 1),
        (66, 80, 1),  # 66 x 1.2 = 79.2
        (67, 80, 2),  # 67 x 1.2 = 80.4
        (140, 80, 4),  # 168 / 80 = 2.1, and then the next power of two
    ],
)
def test_weights_need_room_beside_them(weights_gib: int, memory_gib: int, devices: int) -> None:
    assert devices_needed(weights_gib * GIB, memory_gib * GIB) == devices


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
    assert lines[-2].endswith("GiB of weights: runs here")


def test_a_model_that_is_too_large_or_elsewhere_is_said(
    system: System, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.plan.find_devices", lambda: [Device("tiny GPU", 1000)])
    with Session(engine) as session:
        assert {job.fits for job in make_plan(session).jobs} == {False}
    assert "such devices, by vLLM" in CliRunner().invoke(app, ["worker", "--plan"]).stdout
    with Session(engine) as session:
        session.get_one(Checkpoint, system.checkpoint_id).source = "org/model"
        session.commit()
        assert {job.fits for job in make_plan(session).jobs} == {None}
    assert "org/model: its weights are not in a folder of this machine" in (
        CliRunner().invoke(app, ["worker", "--plan"]).stdout
    )
