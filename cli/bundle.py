"""`toprank bundle`: a study as one file, and whether such a file is what it says."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import DataDir, transaction
from cli.files import write_whole

app = typer.Typer(help="A study as one file, from which its tables are recomputed elsewhere.", no_args_is_help=True)


@app.callback()
def bundle() -> None:
    """A study as one file, from which its tables are recomputed elsewhere."""


@app.command()
def make(
    slug: Annotated[str, typer.Argument(help="The study.")],
    out: Annotated[Path, typer.Option(help="Where to write the file.")],
    recruitment: Annotated[str, typer.Option(help="How annotators were found, for the datasheet.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Write passages, continuations, annotations, guidelines, protocol, tables and a datasheet into one file."""
    from app.analysis.looks import check_is_open_to_look
    from app.bundle.making import Bundle, begin_snapshot
    from app.domain.audit import record
    from app.domain.studies import find_study

    with transaction(data_dir) as session:
        begin_snapshot(session)
        study = find_study(session, slug)
        check_is_open_to_look(session, study)
        made = Bundle(study, recruitment=recruitment)
        write_whole(out, made.pieces(session))
        record(session, None, "study.bundle", study, **made.facts)
    print(f"Wrote {out} ({out.stat().st_size / 1e6:.1f} MB).", file=sys.stderr)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A file that `toprank bundle make` wrote.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check every file of a bundle and recompute its tables, without any database; says which file does not hold."""
    from app.bundle.verifying import verify

    found = verify(file)
    if as_json:
        print(json.dumps(asdict(found)))
        return
    protocol = f"protocol {found.protocol[:16]}" if found.protocol else "no locked protocol"
    print(f"{file}: study {found.study!r}, made {found.made_at}, {protocol}")
    print(f"{found.files} files as listed, {found.annotations:,} annotations, no comparison over its quota")
    print(f"recomputed to the last digit: {', '.join(found.tables)}")
