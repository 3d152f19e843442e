"""`toprank dataset`: where a study's passages come from."""

import json
from typing import Annotated

import typer

from cli.connection import DataDir, transaction

app = typer.Typer(help="Datasets of a draft: add, remove, use-edited.", no_args_is_help=True)

Slug = Annotated[str, typer.Argument(help="The study.")]
Name = Annotated[str, typer.Argument(help="The dataset.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(slug: Slug, name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Add a dataset to a draft."""
    from app.domain.studies import dataset_names, find_study
    from app.domain.study_drafts import add_dataset

    with transaction(data_dir) as session:
        study = find_study(session, slug)
        add_dataset(session, study, name)
        _report(slug, dataset_names(session, study), as_json=as_json)


@app.command()
def remove(slug: Slug, name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take a dataset without passages out of a draft; a study keeps one at least."""
    from app.domain.studies import dataset_names, find_study
    from app.domain.study_drafts import remove_dataset

    with transaction(data_dir) as session:
        study = find_study(session, slug)
        remove_dataset(session, study, name)
        _report(slug, dataset_names(session, study), as_json=as_json)


@app.command("use-edited")
def use_edited(slug: Slug, name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Accept the dataset's edited passages too, still marked as such."""
    from app.domain.studies import find_study
    from app.passages.validating import use_edited as use_edited_of

    with transaction(data_dir) as session:
        used = use_edited_of(session, find_study(session, slug), name)
    print(json.dumps({"dataset": name, "used": used}) if as_json else f"Edited passages of {name!r} used: {used}.")


def _report(slug: str, names: list[str], *, as_json: bool) -> None:
    told = {"slug": slug, "datasets": names}
    print(json.dumps(told) if as_json else f"The study {slug!r} has the datasets {', '.join(names)}.")
