"""`toprank`: everything from the command line."""

import sys
from typing import TYPE_CHECKING

import typer

from cli import (
    audit,
    bundle,
    checkpoint,
    dataset,
    db,
    demo,
    downstream,
    export,
    generate,
    hyperfit,
    images,
    jobs,
    measure,
    passages,
    people,
    protocol,
    quality,
    recipe,
    results,
    score,
    serve,
    settings,
    study,
    system,
    taking_part,
    texts,
    user,
    validation,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

EXTRAS = (
    "pages, people and studies need `pip install 'toprank[web]'`, results `toprank[analysis]`, models `toprank[local]`"
)

app = typer.Typer(
    name="toprank",
    help="Judge open-ended text generation by people.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for name, commands in {
    "db": db.app,
    "user": user.app,
    "study": study.app,
    "dataset": dataset.app,
    "passages": passages.app,
    "checkpoint": checkpoint.app,
    "system": system.app,
    "images": images.app,
    "recipe": recipe.app,
    "bundle": bundle.app,
}.items():
    app.add_typer(commands, name=name)
for part in (*quality.COMMANDS, *taking_part.COMMANDS):
    study.app.command()(part)
study.app.command()(protocol.protocol)
study.app.command("set")(settings.set_settings)
study.app.command()(settings.copy)
study.app.command()(settings.forecast)
passages.app.command("list")(validation.list_passages)
passages.app.command()(validation.judge)
passages.app.command()(validation.trim)
passages.app.command()(validation.edit)
passages.app.command()(validation.check)
for verb, deed in people.COMMANDS.items():
    user.app.command(verb)(deed)
for command in (
    demo.demo,
    serve.up,
    serve.serve,
    serve.worker,
    generate.generate,
    hyperfit.hyperfit,
    measure.measure,
    score.score,
    downstream.downstream,
    results.results,
    texts.texts,
    export.export,
    jobs.jobs,
    audit.audit,
):
    app.command()(command)


def main() -> None:
    """Run the command; what a person can act on is one line on stderr and exit code 1, never a traceback."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError, OperationalError

    from app.errors import ToprankError

    try:
        app()
    except ToprankError as error:
        _stop(" ".join(str(error).split()))
    except ValidationError as error:
        if error.title != "Settings":
            raise
        _stop(" ".join(map(_setting_fault, error.errors())))
    except ModuleNotFoundError as error:
        _stop(f"This needs the package {error.name}, which is not installed here: {EXTRAS}.")
    except OperationalError as error:
        _stop(f"The database cannot be reached: {_first_line(error)}. Check DATABASE_URL, or run `toprank db status`.")
    except DBAPIError as error:
        _stop(
            f"The database refused this: {_first_line(error)}. If it is older than this version: `toprank db migrate`."
        )


def _setting_fault(fault: "ErrorDetails") -> str:
    """What is wrong with an environment variable; its value, which may be a secret, is not repeated."""
    name = str(fault["loc"][0])
    variable = name if name.isupper() else f"TOPRANK_{name.upper()}"
    return f"The environment variable {variable} cannot be used: {fault['msg'].removeprefix('Value error, ')}."


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0].rstrip(".")


def _stop(line: str) -> None:
    print(f"toprank: {line}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
