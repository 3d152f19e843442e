"""`toprank passages import`: bring texts in."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import DataDir, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.images import Palette
    from app.passages.importing import ImportReport
    from app.texts.source_text import SourceText

app = typer.Typer(help="Passages: import, list, judge, check.", no_args_is_help=True)


@app.command("import")
def import_file(
    slug: Annotated[str, typer.Argument(help="The study.")],
    dataset: Annotated[str, typer.Option(help="Which of the study's datasets the texts belong to.")],
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A .jsonl, .csv, .parquet or .txt file; .txt has an empty line between texts. Of images: a folder."
        ),
    ] = None,
    hub_id: Annotated[
        str | None, typer.Option("--hf", metavar="ID[:CONFIG]", help="Instead of a file: a data set of the hub.")
    ] = None,
    split: Annotated[str, typer.Option(help="With --hf: which split.")] = "train",
    column: Annotated[str | None, typer.Option(help="The column or key that holds the text or image.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read no more texts than this.")] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Somebody has read them all and found them good.")] = False,
    unjudged: Annotated[
        bool, typer.Option("--unjudged", help="For automatic metrics only: systems continue them, nobody judges them.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Cut each text to 256 reference tokens and keep it as a passage; all of the file or none of it.

    In a study of images, each image is a passage, whose first quarter of pixels is the context.
    """
    from itertools import islice

    from app.domain.studies import find_dataset, find_study, reference_tokenizer
    from app.errors import ToprankError
    from app.passages.importing import import_passages

    if (file is None) == (hub_id is None):
        raise ToprankError("Say where the texts are: a file, or a data set by --hf, and not both.")
    with transaction(data_dir) as session:
        study = find_study(session, slug)
        found = find_dataset(session, study, dataset)
        found.study = study
        tokenizer = reference_tokenizer(session, study)
        texts = _texts(file, hub_id, tokenizer.palette, column=column, split=split)
        report = import_passages(
            session,
            found,
            _with_progress(islice(texts, limit)),
            tokenizer,
            accept=accept,
            unjudged=unjudged,
        )
    state = "never to be judged" if unjudged else "accepted" if accept else "waiting for somebody to accept them"
    print(json.dumps(asdict(report)) if as_json else _in_words(report, state))


def _texts(
    file: Path | None, hub_id: str | None, palette: "Palette | None", *, column: str | None, split: str
) -> "Iterator[SourceText]":
    """Texts, or in a study of images these, from wherever they are."""
    from app.texts.images import read_hub_images, read_images
    from app.texts.reading import read_texts
    from app.texts.tables import read_hub

    if palette is not None:
        if hub_id is not None:
            return read_hub_images(hub_id, palette, column=column or "image", split=split)
        return read_images(file or Path(), palette, column=column or "image")
    if hub_id is not None:
        return read_hub(hub_id, column=column or "text", split=split)
    return read_texts(file or Path(), column=column or "text")


def _with_progress(texts: "Iterator[SourceText]") -> "Iterator[SourceText]":
    """The same texts, counted on a terminal and by plain lines in a log."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if console.is_terminal:
        yield from track(texts, description="Importing", console=console, transient=True)
        return
    for number, text in enumerate(texts, 1):
        if number % 1000 == 0:
            console.print(f"{number} texts read")
        yield text


def _in_words(report: "ImportReport", state: str) -> str:
    lines = [f"{report.read} texts read: {report.imported} passages imported, {state}."]
    if report.already_there:
        lines.append(f"{report.already_there} were there already.")
    if report.too_short:
        lines.append(f"{report.too_short} have fewer than 256 tokens (lines {_some(report.lines['too_short'])}).")
    if report.without_a_cut:
        where = _some(report.lines["without_a_cut"])
        lines.append(
            f"{report.without_a_cut} have no sentence whose first 32 tokens end between words (lines {where})."
        )
    return "\n".join(lines)


def _some(lines: list[int]) -> str:
    return ", ".join(map(str, lines[:10])) + (" ..." if len(lines) > 10 else "")
