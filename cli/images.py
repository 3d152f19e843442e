"""`toprank images`: image models that everything else here can use."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Image models: adopt, new.", no_args_is_help=True)


@app.command()
def adopt(
    source: Annotated[str, typer.Argument(help="An ImageGPT: a folder, or a hub id such as openai/imagegpt-large.")],
    out: Annotated[Path, typer.Argument(help="The folder to make.")],
) -> None:
    """Copy an ImageGPT with the tokenizer.json that names its palette, which systems and studies need."""
    from generation.checkpoint_folder import checkpoint_folder
    from generation.images.checkpoints import adopt as copy

    palette = copy(checkpoint_folder(source), out.expanduser().resolve())
    print(f"{out} has images of {palette.width} x {palette.width} pixels in {palette.size} colours.")


@app.command()
def new(
    out: Annotated[Path, typer.Argument(help="The folder to make.")],
    width: Annotated[int, typer.Option(help="Pixels of a side.")],
    greys: Annotated[int | None, typer.Option(help="A palette of so many shades of grey.")] = None,
    colours_of: Annotated[Path | None, typer.Option(help="Or the colours of this folder's images.")] = None,
    colours: Annotated[int, typer.Option(help="With --colours-of: at most so many.")] = 256,
    layers: Annotated[int, typer.Option(min=1, help="Layers.")] = 4,
    size: Annotated[int, typer.Option(min=1, help="Width of a layer.")] = 64,
    heads: Annotated[int, typer.Option(min=1, help="Heads of attention, which divide the width.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Decides the weights to begin with.")] = 0,
) -> None:
    """Make a small ImageGPT that has learnt nothing yet; `toprank hyperfit` trains it on many images first."""
    from app.errors import ToprankError
    from generation.images.checkpoints import save_new_model
    from generation.images.palettes import colours_of as collect
    from generation.images.palettes import greys as shades

    if (greys is None) == (colours_of is None):
        raise ToprankError("Say which palette: --greys N, or --colours-of FOLDER.")
    if size % heads:
        raise ToprankError(f"{heads} heads do not divide a width of {size}.")
    palette = shades(greys, width) if greys is not None else collect(colours_of or Path(), colours, width)
    save_new_model(out.expanduser().resolve(), palette, layers=layers, size=size, heads=heads, seed=seed)
    print(f"{out} has images of {width} x {width} pixels in {palette.size} colours, and is untrained.")
