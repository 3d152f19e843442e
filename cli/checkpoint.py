"""`toprank checkpoint`: the models that systems are made of."""

import json
from typing import Annotated

import typer

from cli.connection import DataDir, transaction

app = typer.Typer(help="Checkpoints: add, list.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    source: Annotated[str, typer.Argument(help="A folder with safetensors, or a hub id such as org/model.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Register a checkpoint."""
    from app.domain.systems import add_checkpoint

    with transaction(data_dir) as session:
        added = add_checkpoint(session, name, source)
        summary = {"name": added.name, "source": added.source, "state": str(added.state)}
    print(json.dumps(summary) if as_json else f"The checkpoint {name!r} is {added.source}.")


@app.command("list")
def list_checkpoints(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every checkpoint."""
    from app.domain.systems import all_checkpoints

    with transaction(data_dir) as session:
        rows = [{"name": one.name, "source": one.source, "state": str(one.state)} for one in all_checkpoints(session)]
    print(json.dumps(rows, indent=2) if as_json else "\n".join(f"{row['name']:30} {row['source']}" for row in rows))
