"""`toprank checkpoint`: the models that systems are made of."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.checkpoint_reports import COMMANDS
from cli.connection import DataDir, transaction
from cli.file_bars import bars_of
from cli.upload import upload

app = typer.Typer(help="Checkpoints: add, upload, set, list, show, retry.", no_args_is_help=True)

app.command()(upload)
for report in COMMANDS:
    app.command()(report)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    source: Annotated[str, typer.Argument(help="A folder with safetensors, or a hub id such as org/model.")],
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    longest: Annotated[int, typer.Option(help="vLLM: the most tokens of a context and its continuation.")] = 2048,
    tensor_parallel: Annotated[int, typer.Option(help="vLLM: GPUs that share each layer.")] = 1,
    pipeline_parallel: Annotated[int, typer.Option(help="vLLM: groups of layers, on nodes of a Ray cluster.")] = 1,
    gpu_memory: Annotated[float, typer.Option(help="vLLM: the share of a GPU's memory to use.")] = 0.9,
    enforce_eager: Annotated[
        bool, typer.Option("--enforce-eager", help="vLLM: no CUDA graphs; slower, and less memory.")
    ] = False,
    instruct: Annotated[
        bool, typer.Option("--instruct", help="It was tuned to follow instructions (Table 6).")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Register a checkpoint, and how workers load it."""
    from app.domain.engine_settings import EngineSettings
    from app.domain.registry import files_in, note_files
    from app.domain.systems import add_checkpoint

    settings = EngineSettings(
        dtype=dtype,
        longest=longest,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        gpu_memory_utilization=gpu_memory,
        enforce_eager=enforce_eager,
    )
    with transaction(data_dir) as session:
        added = add_checkpoint(session, name, source, settings, instruct=instruct)
        with bars_of(files_in(Path(added.source))) as report:
            note_files(session, added, Path(added.source), report)
        summary = {"name": added.name, "source": added.source, "state": str(added.state)}
    print(json.dumps(summary) if as_json else f"The checkpoint {name!r} is {added.source}.")


@app.command("set")
def set_engine(
    name: Annotated[str, typer.Argument(help="The checkpoint.")],
    dtype: Annotated[str | None, typer.Option(help="auto, float32, bfloat16 or float16.")] = None,
    longest: Annotated[int | None, typer.Option(help="vLLM: the most tokens of a context and continuation.")] = None,
    tensor_parallel: Annotated[int | None, typer.Option(help="vLLM: GPUs that share each layer.")] = None,
    pipeline_parallel: Annotated[int | None, typer.Option(help="vLLM: nodes that share the layers out.")] = None,
    gpu_memory: Annotated[float | None, typer.Option(help="vLLM: the share of a GPU's memory to use.")] = None,
    enforce_eager: Annotated[
        bool | None, typer.Option("--enforce-eager/--cuda-graphs", help="vLLM: without CUDA graphs, or with them.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Change how workers load a checkpoint from its next job on, and print it; without options only print it."""
    from dataclasses import asdict, replace

    from app.domain.engine_settings import change_engine_settings, engine_settings_of
    from app.domain.systems import find_checkpoint

    asked: dict[str, Any] = {
        "dtype": dtype,
        "longest": longest,
        "tensor_parallel": tensor_parallel,
        "pipeline_parallel": pipeline_parallel,
        "gpu_memory_utilization": gpu_memory,
        "enforce_eager": enforce_eager,
    }
    with transaction(data_dir) as session:
        checkpoint = find_checkpoint(session, name)
        changes = {key: value for key, value in asked.items() if value is not None}
        settings = replace(engine_settings_of(checkpoint), **changes)
        change_engine_settings(session, checkpoint, settings)
    shown = asdict(settings)
    print(json.dumps({"name": name, **shown}) if as_json else "\n".join(f"{key}: {shown[key]}" for key in shown))


@app.command("list")
def list_checkpoints(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every checkpoint."""
    from app.domain.systems import all_checkpoints

    with transaction(data_dir) as session:
        rows = [{"name": one.name, "source": one.source, "state": str(one.state)} for one in all_checkpoints(session)]
    print(json.dumps(rows, indent=2) if as_json else "\n".join(f"{row['name']:30} {row['source']}" for row in rows))


@app.command()
def retry(
    name: Annotated[str, typer.Argument(help="The checkpoint.")], data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Queue again what failed: a run of the trainer goes on, an uploaded checkpoint is tried once more."""
    from app.domain.hyperfit_curves import trained_ids
    from app.domain.hyperfitting import continue_training, find_checkpoint
    from app.domain.registry import validate_again

    with transaction(data_dir) as session:
        checkpoint = find_checkpoint(session, name)
        has_run = checkpoint.id in trained_ids(session)
        queued = (has_run and continue_training(session, checkpoint)) or validate_again(session, checkpoint)
        told = {"checkpoint": name, "state": str(checkpoint.state), "queued": queued}
    words = "A worker will try it again." if queued else f"The checkpoint {name!r} is {told['state']}: nothing to try."
    print(json.dumps(told) if as_json else words)


@app.command()
def tidy(
    hours: Annotated[float | None, typer.Option(min=0, help="Untouched for so long; else as configured.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Remove uploads that nobody goes on with, and what else nothing names in the store; workers do so every hour."""
    from datetime import timedelta

    from app.checkpoints.janitor import tidy as tidy_store
    from app.domain.store import Store
    from app.settings import Settings

    settings = Settings()
    if data_dir is not None:
        settings.data_dir = data_dir
    untouched = timedelta(hours=settings.upload_abandoned_hours if hours is None else hours)
    with transaction(data_dir) as session:
        tidied = tidy_store(session, Store(settings.store_dir), untouched_for=untouched)
    summary = {"uploads": tidied.uploads, "folders": tidied.folders}
    print(json.dumps(summary) if as_json else f"Removed {tidied.uploads} uploads and {tidied.folders} folders.")
