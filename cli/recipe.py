"""`toprank recipe`: experiments that are written down in files."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Recipes: run.", no_args_is_help=True)


@app.callback()
def recipe() -> None:
    """Recipes: run."""


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="A recipe, such as recipes/reproduce-small.toml.")],
    out: Annotated[Path, typer.Option(help="Where checkpoints, evaluations and the report go.")],
    base: Annotated[str | None, typer.Option(help="Another base than the recipe's: a folder or a hub id.")] = None,
    passages: Annotated[int | None, typer.Option(min=1, help="Held-out passages of each dataset.")] = None,
    updates: Annotated[
        int | None, typer.Option(min=1, help="A rehearsal: at most so many updates of each run, to see that it works.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make what the recipe asks for and report it; stopped at any moment, the same command goes on."""
    import time
    from dataclasses import replace

    from hyperfitting.kitchen import Kitchen
    from hyperfitting.recipes import read_recipe
    from hyperfitting.report import REPORT_JSON, write_report

    wanted = read_recipe(file)
    wanted = replace(wanted, base=base or wanted.base, passages_per_dataset=passages or wanted.passages_per_dataset)
    if updates:
        title = f"{wanted.title} (a rehearsal: --updates {updates})"
        wanted = replace(wanted, title=title, most_updates=updates)
    kitchen = Kitchen(wanted, out, lambda line: typer.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True))
    evaluated = kitchen.run()
    given = {"out": out, "base": base, "passages": passages, "updates": updates}
    options = [f"--{name} {value}" for name, value in given.items() if value is not None]
    command = " ".join(["toprank recipe run", str(file), *options])
    text = write_report(out, wanted, evaluated, kitchen.training_sets(), command=command)
    print((out / REPORT_JSON).read_text(encoding="utf-8") if as_json else text)
