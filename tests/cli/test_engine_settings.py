"""`toprank checkpoint add` and `set` keep how workers load a checkpoint."""

import json

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.errors import ToprankError
from app.models import Checkpoint
from cli.main import app


def test_every_setting_has_an_option_and_only_what_differs_is_kept(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    options = (
        "--dtype bfloat16 --longest 512 --tensor-parallel 8 --pipeline-parallel 2 --gpu-memory 0.8 --enforce-eager"
    )

    done = CliRunner().invoke(app, ["checkpoint", "add", "large", "org/large", *options.split()])
    usual = CliRunner().invoke(app, ["checkpoint", "add", "small", "org/small"])

    assert (done.exit_code, usual.exit_code) == (0, 0)
    with Session(engine) as session:
        large, small = session.scalars(select(Checkpoint).order_by(Checkpoint.name))
        assert large.engine_settings == {
            "dtype": "bfloat16",
            "longest": 512,
            "tensor_parallel": 8,
            "pipeline_parallel": 2,
            "gpu_memory_utilization": 0.8,
            "enforce_eager": True,
        }
        assert small.engine_settings == {}


def test_settings_that_make_no_sense_are_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    done = CliRunner().invoke(app, ["checkpoint", "add", "large", "org/large", "--gpu-memory", "1.5"])

    assert isinstance(done.exception, ToprankError)
    assert "has to be in (0, 1]" in str(done.exception)


def test_a_setting_is_changed_and_the_others_stay(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    CliRunner().invoke(app, ["checkpoint", "add", "large", "org/large", "--enforce-eager", "--longest", "512"])

    done = CliRunner().invoke(app, ["checkpoint", "set", "large", "--tensor-parallel", "8", "--cuda-graphs", "--json"])

    assert json.loads(done.stdout) == {
        "name": "large",
        "dtype": "auto",
        "longest": 512,
        "tensor_parallel": 8,
        "pipeline_parallel": 1,
        "gpu_memory_utilization": 0.9,
        "enforce_eager": False,
    }
    assert "tensor_parallel: 8" in CliRunner().invoke(app, ["checkpoint", "set", "large"]).stdout


def test_an_unknown_checkpoint_is_answered_with_those_there_are(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    CliRunner().invoke(app, ["checkpoint", "add", "large", "org/large"])

    done = CliRunner().invoke(app, ["checkpoint", "set", "larg", "--dtype", "float16"])

    assert isinstance(done.exception, ToprankError)
    assert "There is no checkpoint 'larg' (checkpoints: large)." in str(done.exception)
