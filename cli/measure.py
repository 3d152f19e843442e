"""`toprank measure`: what takes too long for a page, computed here or queued for a worker."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.connection import DataDir, database_url, transaction


def measure(
    slug: Annotated[str, typer.Argument(help="The study.")],
    training: Annotated[
        list[Path] | None,
        typer.Option(help="Texts that the checkpoints were trained on (.jsonl, .csv, .txt, .parquet); needs --now."),
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Measure here instead of leaving it to a worker.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Only say how far it is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Measure diversity and, against training texts, overlap of every system whose texts changed."""
    from app.errors import ToprankError

    if training and not now:
        raise ToprankError("Training texts are files here, which a worker may not have: say --now as well.")
    if show:
        _show(slug, data_dir, as_json=as_json)
        return
    summary = _measure_here(slug, training, data_dir) if now else _queue(slug, data_dir)
    if as_json:
        print(json.dumps(summary))
    elif now:
        print(f"{summary['measured']} systems were measured.")
    else:
        print("A worker will measure it." if summary["queued"] else "Nothing changed since it was measured or queued.")


def _show(slug: str, data_dir: Path | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    from app.analysis.measuring import standing_of
    from app.domain.studies import find_study

    with transaction(data_dir) as session:
        found = standing_of(session, find_study(session, slug))
    if as_json:
        print(json.dumps({"study": slug, **asdict(found)}))
        return
    job = f"{found.state}, {found.done} of {found.total} systems" if found.state else "never measured"
    print(f"{slug}: {job}; {found.outdated} to measure." + (f" {found.reason}" if found.reason else ""))


def _measure_here(slug: str, training: list[Path] | None, data_dir: Path | None) -> dict[str, Any]:
    """Each system is kept as soon as it is measured, so that an end loses one at most."""
    from app.analysis.measuring import measure_study
    from app.db import make_engine, make_session_factory
    from app.domain.studies import find_study
    from app.domain.training_sets import TrainingSet
    from app.texts.reading import read_texts

    texts = TrainingSet.of([one.text for file in training for one in read_texts(file)]) if training else None
    engine = make_engine(database_url(data_dir), pool_size=1)
    try:
        with make_session_factory(engine)() as session:
            study = find_study(session, slug)
            measured = measure_study(session, study, lambda line: print(line, file=sys.stderr), training=texts)
    finally:
        engine.dispose()
    return {"study": slug, "measured": measured}


def _queue(slug: str, data_dir: Path | None) -> dict[str, Any]:
    from app.analysis.measuring import queue_measuring
    from app.domain.studies import find_study

    with transaction(data_dir) as session:
        return {"study": slug, "queued": queue_measuring(session, find_study(session, slug))}
