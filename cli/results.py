"""`toprank results`: every table and figure, in a terminal, as JSON or LaTeX, or as files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.analysis.withdrawn import WithdrawnAnnotators
from cli.connection import DataDir, transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.analysis.exhibit import Exhibit
    from app.analysis.registry import Findings
    from app.models import Study


def results(
    slug: Annotated[str, typer.Argument(help="The study.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print every table for a paper (booktabs).")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write all tables and figures into this folder: SVG, PDF, PNG, CSV, LaTeX, JSON."),
    ] = None,
    withdrawn: Annotated[
        WithdrawnAnnotators, typer.Option(help="Whether the annotations of annotators who withdrew count.")
    ] = WithdrawnAnnotators.BY_PROTOCOL,
    passage: Annotated[
        int | None, typer.Option(min=1, max=2**63 - 1, help="The text of Figure 4, by its passage's number.")
    ] = None,
    look_as: Annotated[
        str | None, typer.Option("--look", metavar="EMAIL", help="Take a look first, on record as this researcher's.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Print every table of a study; before it closes this needs a look."""
    from app.analysis.archive import results_values
    from app.analysis.evidence import Evidence
    from app.analysis.formats import as_latex
    from app.analysis.looks import check_is_open_to_look
    from app.analysis.registry import findings
    from app.analysis.texts import find_passage
    from app.domain.studies import find_study

    with transaction(data_dir) as session:
        study = find_study(session, slug)
        if look_as:
            _take_look(session, study, look_as)
        check_is_open_to_look(session, study)
        if passage is not None:
            find_passage(session, study, passage)
        found = findings(Evidence(session, study, withdrawn=withdrawn, chosen_passage=passage))
    if out is not None:
        _write(out, found)
    elif latex:
        print("\n".join(as_latex(exhibit, found.provenance) for exhibit in found.exhibits if exhibit.rows), end="")
    elif as_json:
        print(json.dumps(results_values(found), indent=2, ensure_ascii=False))
    else:
        _print(found)


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


def _write(folder: Path, found: "Findings") -> None:
    from app.analysis.archive import results_files
    from app.errors import ToprankError

    written = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in results_files(found):
            (folder / name).write_bytes(content)
            written += 1
    except OSError as error:
        raise ToprankError(f"The results cannot be written to {folder}: {error.strerror}.") from error
    print(f"Wrote {written} files to {folder}; README.txt says what they are.")


def _print(found: "Findings") -> None:
    from rich.console import Console

    console = Console()
    for line in found.provenance.lines:
        console.print(line, style="dim", markup=False, highlight=False)
    for check in found.checks:
        mark = {True: "holds", False: "FAILS", None: "unknown"}[check.passed]
        console.print(f"{mark:8}{check.name}: {check.found}", markup=False, highlight=False)
    for exhibit in found.exhibits:
        console.print(f"\n{exhibit.name}: {exhibit.title}", style="bold", markup=False, highlight=False)
        if exhibit.missing:
            console.print(exhibit.missing, markup=False, highlight=False)
        if exhibit.rows:
            console.print(table_of(exhibit))
        for note in exhibit.notes:
            console.print(note, style="dim", markup=False, highlight=False)


def table_of(exhibit: "Exhibit") -> object:
    """The columns of an exhibit that belong in a paper, for a terminal."""
    from rich.table import Table
    from rich.text import Text

    shown = [number for number, column in enumerate(exhibit.columns) if column.in_paper]
    table = Table()
    for number in shown:
        column = exhibit.columns[number]
        table.add_column(Text(column.title), justify="left" if column.kind == "text" else "right")
    for row in exhibit.rows:
        table.add_row(*(Text(exhibit.columns[number].written(row[number])) for number in shown))
    return table
