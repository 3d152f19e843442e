"""`toprank hyperfit`: train a checkpoint to near-zero loss on a few texts, here or by a worker."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from app.errors import ToprankError
from cli.connection import DataDir, transaction
from cli.hyperfit_here import Wanted, tokens_of_base, train_here

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.domain.images import Palette
    from hyperfitting.data import Document


def hyperfit(
    base: Annotated[str, typer.Argument(help="A checkpoint's name, a folder with safetensors, or a hub id.")],
    data: Annotated[
        Path | None, typer.Option(help="Texts: a .jsonl, .csv or .txt file; images: a folder, a .npy or .parquet.")
    ] = None,
    hub_id: Annotated[
        str | None, typer.Option("--hf", metavar="ID[:CONFIG]", help="Instead of --data: a data set of the hub.")
    ] = None,
    split: Annotated[str, typer.Option(help="With --hf: which split.")] = "train",
    limit: Annotated[int | None, typer.Option(min=1, help="Read no more texts or images than this.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder of the new checkpoint; not with --queue.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call it; the folder's name by default.")] = None,
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker.")] = False,
    column: Annotated[str | None, typer.Option(help="The column or key that holds the text or image.")] = None,
    samples: Annotated[int, typer.Option(help="Sequences to learn.")] = 2000,
    length: Annotated[int | None, typer.Option(help="Tokens of a sequence: 256; of images, a whole one.")] = None,
    epochs: Annotated[int | None, typer.Option(help="How often each is seen: 20; images 50.")] = None,
    updates: Annotated[int | None, typer.Option(help="A number of updates instead of epochs.")] = None,
    stop_at_loss: Annotated[float | None, typer.Option(help="End after the first epoch below this loss.")] = None,
    batch_size: Annotated[int, typer.Option(help="Sequences of an update.")] = 8,
    accumulation: Annotated[int, typer.Option(help="Parts that a batch is computed in.")] = 1,
    lr: Annotated[
        float | None, typer.Option(help="Adam's learning rate, constant: 1e-6; images have no default.")
    ] = None,
    order: Annotated[str, typer.Option(help="given, shuffle-1, shuffle-all or repeat.")] = "given",
    precision: Annotated[str, typer.Option(help="fp32, or bf16 with float32 master weights.")] = "fp32",
    gradient_checkpointing: Annotated[
        bool, typer.Option("--gradient-checkpointing", help="Less memory, a third more time.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Decides which sequences, and in which order.")] = 0,
    validate_every: Annotated[int | None, typer.Option(help="Updates between validations; an epoch's.")] = None,
    validation_samples: Annotated[int, typer.Option(help="Held-out sequences.")] = 128,
    contexts: Annotated[
        int | None, typer.Option(help="Held-out contexts that are continued at each validation: 24; of images 8.")
    ] = None,
    save_every: Annotated[int | None, typer.Option(help="Updates between saved states.")] = None,
    keep: Annotated[str, typer.Option(help="last, or lowest-validation-loss.")] = "last",
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="Train on texts that people judge too; the checkpoint says so.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hyperfit BASE; the defaults are the paper's. Stopped at any moment, the same command goes on."""
    options = locals().copy()
    if (data is None) == (hub_id is None):
        raise ToprankError("Say what to learn: a file or folder by --data, or a data set by --hf, and not both.")
    wanted = _wanted(base, name or (out.name if out else ""), Source(data, hub_id, split, column), options)
    summary: dict[str, str] | None
    if queue:
        summary = _leave_to_a_worker(wanted, data_dir)
    elif out is None:
        raise ToprankError("Say by --out where the new checkpoint goes, or leave it to a worker by --queue.")
    else:
        summary = train_here(wanted, out.expanduser().resolve(), data_dir)
    if summary:
        print(json.dumps(summary) if as_json else _in_words(summary))


class Source(NamedTuple):
    """Where the texts or images are: a file or folder here, or a split of a data set of the hub."""

    file: Path | None
    hub_id: str | None
    split: str
    column: str | None

    @property
    def name(self) -> str:
        """What the run's record calls it."""
        return self.file.name if self.file else f"{self.hub_id} ({self.split})"


def _wanted(base: str, name: str, source: Source, options: "Mapping[str, Any]") -> Wanted:
    """The run that the options describe, with what it learns. Raises ToprankError."""
    from dataclasses import fields
    from itertools import islice

    from app.domain.images import palette_of
    from hyperfitting.config import HyperfitConfig, for_images

    tokens = tokens_of_base(base, options["data_dir"])
    palette = palette_of(tokens) if tokens else None
    chosen = {field.name: options[field.name] for field in fields(HyperfitConfig) if options[field.name] is not None}
    config = HyperfitConfig.from_json(for_images(palette, chosen) if palette else chosen)
    documents = list(islice(_images(source, palette) if palette else _texts(source), options["limit"]))
    return Wanted(base, name, source.name, documents, config, tokens if palette else None)


def _texts(source: Source) -> "Iterator[Document]":
    from app.texts.reading import read_texts
    from app.texts.tables import read_hub
    from hyperfitting.data import Document

    column = source.column or "text"
    if source.file:
        found = read_texts(source.file, column=column)
    else:
        found = read_hub(str(source.hub_id), column=column, split=source.split)
    return (Document(text.text, text.source) for text in found)


def _images(source: Source, palette: "Palette") -> "Iterator[Document]":
    from app.texts.images import read_hub_images, read_images
    from hyperfitting.data import Document

    column = source.column or "image"
    if source.file:
        found = read_images(source.file, palette, column=column)
    else:
        found = read_hub_images(str(source.hub_id), palette, column=column, split=source.split)
    return (Document(image.text) for image in found)


def _leave_to_a_worker(wanted: Wanted, data_dir: Path | None) -> dict[str, str]:
    from app.domain.hyperfitting import order_training, trained_folder
    from app.settings import Settings

    if not wanted.name:
        raise ToprankError("Say by --name what the new checkpoint is called.")
    store = Settings().store_dir if data_dir is None else data_dir / "store"
    with transaction(data_dir) as session:
        checkpoint = order_training(session, wanted.plan(wanted.base), trained_folder(store, wanted.name))
        return {"checkpoint": checkpoint.name, "state": str(checkpoint.state), "folder": checkpoint.source}


def _in_words(summary: dict[str, str]) -> str:
    if summary["state"] != "ready":
        return f"A worker will train {summary['checkpoint']!r} into {summary['folder']}."
    return (
        f"The checkpoint {summary['checkpoint']!r} is in {summary['folder']}: {summary['updates']} updates, train loss "
        f"{summary['train_loss']}, validation loss {summary['validation_loss']}. Overlap with passages: "
        f"{summary['overlap']}."
    )
