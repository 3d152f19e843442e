"""`toprank checkpoint upload`: send a checkpoint to a server, and go on where it was cut."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.file_bars import bars_of


def upload(
    name: Annotated[str, typer.Argument(help="What to call the checkpoint.")],
    folder: Annotated[Path, typer.Argument(help="A folder with config.json, tokenizer.json and safetensors.")],
    server: Annotated[str, typer.Option(envvar="TOPRANK_SERVER", help="The web app's address.")],
    token: Annotated[
        str, typer.Option(envvar="TOPRANK_TOKEN", help="From `toprank user token EMAIL --scope upload`, or /me/tokens.")
    ],
    parallel: Annotated[int, typer.Option(min=1, max=16, help="Files that are sent at once.")] = 4,
    wait: Annotated[bool, typer.Option("--wait", help="Until a worker has tried it.")] = False,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to wait for a server that is away.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send a folder as a checkpoint. Whatever cuts it, the same command goes on where it was."""
    from generation.transfer.sending import announce, files_in, send, wait_until_tried
    from generation.transfer.server import Server

    files = files_in(folder)
    with Server(server, token, patience_s=patience) as asked:
        with bars_of({file.name: file.size for file in files}) as report:
            standing = send(asked, announce(asked, name, files), files, parallel=parallel, report=report)
        if wait:
            standing = wait_until_tried(asked, standing)
    if as_json:
        print(json.dumps(standing))
        return
    then = (
        "It can be used."
        if standing["state"] == "ready"
        else "A worker tries it next; it can be used once it is ready."
    )
    print(f"The checkpoint {name!r} is {standing['state']}. {then} {asked.address}/checkpoints/{standing['id']}")
