"""`toprank results`: what people prefer, in a terminal, as JSON or LaTeX, or as files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connection import DataDir, transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.analysis.preferences import Results
    from app.models import Study


def results(
    slug: Annotated[str, typer.Argument(help="The study.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print Table 1 for a paper (booktabs).")] = False,
    out: Annotated[Path | None, typer.Option(help="Write table1.json, .csv and .tex into this folder.")] = None,
    look_as: Annotated[
        str | None, typer.Option("--look", metavar="EMAIL", help="Take a look first, on record as this researcher's.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Print how often people prefer each system, with its parts, parity and TTR."""
    from app.analysis.looks import check_is_open_to_look, last_look
    from app.analysis.preferences import study_results
    from app.analysis.tables import as_latex, as_values
    from app.domain.studies import find_study

    with transaction(data_dir) as session:
        study = find_study(session, slug)
        if look_as:
            _take_look(session, study, look_as)
        check_is_open_to_look(session, study)
        found, look = study_results(session, study), last_look(session, study)
        values = as_values(found, look=look.number if look else None)
    if out is not None:
        _write(out, found, values)
    elif latex:
        print(as_latex(found), end="")
    elif as_json:
        print(json.dumps(values, indent=2))
    else:
        _print_table(values)


def _take_look(session: "Session", study: "Study", email: str) -> None:
    from sqlalchemy import select

    from app.analysis.looks import take_look
    from app.errors import NotFoundError
    from app.models import Person
    from app.models.person import Role

    person = session.scalar(
        select(Person).where(Person.email == email.lower(), Person.role.in_([Role.RESEARCHER, Role.ADMIN]))
    )
    if person is None:
        raise NotFoundError(f"There is no researcher {email!r}; a look has to be somebody's.")
    take_look(session, study, person.id)


def _write(folder: Path, found: "Results", values: dict[str, Any]) -> None:
    from app.analysis.tables import as_csv, as_latex
    from app.errors import ToprankError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table1.json").write_text(json.dumps(values, indent=2) + "\n")
        (folder / "table1.csv").write_text(as_csv(found))
        (folder / "table1.tex").write_text(as_latex(found))
    except OSError as error:
        raise ToprankError(f"The tables cannot be written to {folder}: {error.strerror}.") from error
    print(f"Wrote table1.json, table1.csv and table1.tex to {folder}.")


def _print_table(values: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("system", "tokens", "dataset", "preferred or equal", "candidate / equal / original", "parity", "TTR")
    for system in values["systems"]:
        for one in system["datasets"]:
            parts = f"{one['candidate']} / {one['equal']} / {one['reference']}"
            ratio, parity, ttr = map(_percent, (one["preference_ratio"], one["parity_line"], one["mean_ttr"]))
            table.add_row(system["system"], str(system["scenario"]), one["dataset"], ratio, parts, parity, ttr)
        mean = map(_percent, (system["mean_preference_ratio"], system["mean_parity_line"], system["mean_ttr"]))
        ratio, parity, ttr = mean
        table.add_row("", "", "mean", ratio, f"n = {system['n']} of {system['wanted']}", parity, ttr, end_section=True)
    Console().print(table)


def _percent(value: float | None) -> str:
    return "none yet" if value is None else f"{100 * value:.1f} %"
