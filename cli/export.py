"""`toprank export`: every judgement of a study as a file."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import DataDir, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator


class Format(StrEnum):
    """The kinds of file."""

    CSV = "csv"
    JSONL = "jsonl"


def export(
    slug: Annotated[str, typer.Argument(help="The study.")],
    file_format: Annotated[Format, typer.Option("--format", help="The kind of file.")] = Format.CSV,
    texts: Annotated[bool, typer.Option("--texts", help="Also the context and both texts as shown.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where to write; to the terminal by default.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Write one row for each annotation or skip; annotators are pseudonyms."""
    from app.domain.studies import find_study
    from app.export.streaming import stream_export

    with transaction(data_dir) as session:
        study = find_study(session, slug)
        pieces = stream_export(session, study, file_format=file_format.value, texts=texts)
        if out is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
        else:
            _write(out, pieces)


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
