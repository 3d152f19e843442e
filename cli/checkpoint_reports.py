"""`toprank checkpoint show|runs|uploads`: what a checkpoint is, how it was hyperfitted, and what is on its way."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connection import DataDir, transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.models import Checkpoint

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CURVE = ("update", "train_loss", "validation_loss", "entropy", "ttr_first_96", "ttr_last_96")


def show(
    name: Annotated[str, typer.Argument(help="The checkpoint.")], data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Show a checkpoint's state, files and, where it was hyperfitted, its run with the whole curve."""
    from app.domain.systems import find_checkpoint

    with transaction(data_dir) as session:
        told = _told(session, find_checkpoint(session, name))
    if as_json:
        print(json.dumps(told, indent=2, default=str))
        return
    print(f"{name} is {told['state']}, from {told['source']}" + (f": {told['reason']}" if told["reason"] else ""))
    for file in told["files"]:
        print(f"  {file['name']:40} {file['size']:>16,} {file['sha256']}")
    if run := told["run"]:
        print(f"hyperfitted from {run['base'] or '?'}: {run['updates']} of {run['total_updates']} updates")
        for point in run["points"]:
            losses = " ".join(f"{word} {point[word]:.4g}" for word in CURVE[1:] if point[word] is not None)
            print(f"  update {point['update']}: {losses}")


def runs(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every run of the trainer, the newest last, with the losses of its last validation."""
    from app.domain.hyperfit_runs import page_of_hyperfittings

    with transaction(data_dir) as session:
        rows: list[dict[str, Any]] = [
            {
                "checkpoint": one.checkpoint.name,
                "state": str(one.checkpoint.state),
                "reason": one.checkpoint.reason,
                "base": one.base,
                "updates": one.run.updates,
                "total_updates": one.run.total_updates,
                "train_loss": one.train_loss,
                "validation_loss": one.validation_loss,
            }
            for one in page_of_hyperfittings(session)
        ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        losses = "" if row["validation_loss"] is None else f"validation loss {row['validation_loss']:.4g}"
        far = f"{row['updates']}/{row['total_updates']}"
        print(f"{row['checkpoint']:30} {row['state']:10} {far:13} {row['base'] or '?':30} {losses}".rstrip())


def uploads(
    cancel: Annotated[str | None, typer.Option(metavar="NAME", help="Forget the one of this checkpoint.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the uploads that are not finished, or forget one of them and what came of it."""
    from app.checkpoints.uploads import unfinished_uploads

    if cancel is not None:
        _forget(cancel, data_dir)
        print(json.dumps({"cancelled": cancel}) if as_json else f"The upload of {cancel!r} is forgotten.")
        return
    with transaction(data_dir) as session:
        found = unfinished_uploads(session)
    if as_json:
        rows = [{"checkpoint": one.name, "received": one.received, "size": one.size} for one in found]
        print(json.dumps(rows, indent=2))
        return
    for one in found:
        print(f"{one.name:30} {one.received:,} of {one.size:,} bytes, last at {one.touched_at:%Y-%m-%d %H:%M}")


def _forget(name: str, data_dir: Path | None) -> None:
    from app.checkpoints.uploads import CANCELLED, cancel_upload, unfinished_uploads
    from app.domain.store import Store
    from app.errors import NotFoundError
    from app.models import Upload
    from app.settings import Settings

    with transaction(data_dir) as session:
        chosen = next((one.upload_id for one in unfinished_uploads(session) if one.name == name), None)
        if chosen is None:
            raise NotFoundError(f"No upload of a checkpoint {name!r} is under way.")
        cancel_upload(session, session.get_one(Upload, chosen), CANCELLED)
    Store(Settings().store_dir if data_dir is None else data_dir / "store").forget(chosen)


def _told(session: "Session", checkpoint: "Checkpoint") -> dict[str, Any]:
    from dataclasses import asdict

    from app.domain.engine_settings import engine_settings_of
    from app.domain.hyperfit_curves import hyperfitting_of
    from app.domain.registry import find_with_files

    _, files = find_with_files(session, checkpoint.id)
    found = hyperfitting_of(session, checkpoint)
    own = {name: getattr(checkpoint, name) for name in ("id", "name", "source", "reason", "instruct", "created_at")}
    told = own | {"state": str(checkpoint.state), "loading": asdict(engine_settings_of(checkpoint))}
    told["files"] = [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in files]
    run = found and {
        "base": found.base,
        **{name: getattr(found.run, name) for name in ("config", "updates", "total_updates", "finished_at", "lineage")},
        "points": [{name: getattr(point, name) for name in CURVE} for point in found.points],
    }
    return told | {"run": run}


COMMANDS = (show, runs, uploads)
