"""`toprank export`: every judgement of a study as a file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.export.formats import FileFormat
from cli.connection import DataDir, transaction
from cli.files import write_whole

Several = Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times.")]


def export(
    slug: Annotated[str, typer.Argument(help="The study.")],
    file_format: Annotated[FileFormat, typer.Option("--format", help="The kind of file.")] = FileFormat.CSV,
    texts: Annotated[bool, typer.Option("--texts", help="Also the context and both texts as shown.")] = False,
    dataset: Several = None,
    system: Several = None,
    status: Several = None,
    scenario: Annotated[list[int] | None, typer.Option(help="Only this one; may be given twice.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write; to the terminal by default.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Write one row for each annotation or skip; annotators are pseudonyms."""
    from app.domain.audit import record
    from app.domain.studies import find_study
    from app.export.query import ExportFilter, check_filter
    from app.export.streaming import Export, ExportOrder

    wanted = ExportFilter(tuple(dataset or ()), tuple(system or ()), tuple(status or ()), tuple(scenario or ()))
    with transaction(data_dir) as session:
        study = find_study(session, slug)
        check_filter(session, study, wanted)
        made = Export(study, ExportOrder(file_format, texts, wanted))
        if out is None:
            for piece in made.pieces(session):
                sys.stdout.buffer.write(piece)
        else:
            write_whole(out, made.pieces(session))
            print(f"Wrote {out} ({out.stat().st_size / 1e6:.1f} MB).", file=sys.stderr)
        record(session, None, "study.export", study, **made.facts)
