"""`toprank export`: every judgement of a study as a file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.export.formats import FileFormat
from cli.connection import DataDir, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator


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
            _write(out, made.pieces(session))
        record(session, None, "study.export", study, **made.facts)


def _write(out: Path, pieces: "Iterator[bytes]") -> None:
    """All of the file or nothing: what was there before stays until the new one is complete."""
    from app.errors import ToprankError

    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        with unfinished.open("wb") as stream:
            stream.writelines(pieces)
        unfinished.replace(out)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ToprankError(f"{out} cannot be written: {error.strerror}.") from error
    print(f"Wrote {out} ({out.stat().st_size / 1e6:.1f} MB).", file=sys.stderr)
