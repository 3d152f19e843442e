"""The demo's images: real handwritten digits, an ImageGPT trained on them from nothing, and hyperfitted; in minutes.

`make demo-images` trains into the cache, makes the study `digits` in the embedded database (or DATABASE_URL's) and lets
its systems complete the images. Whoever has a login judges them.
"""

import argparse
import os
import sys
from pathlib import Path

from app.errors import ConflictError, ToprankError
from app.settings import Settings
from generation.images.palettes import greys

SLUG = "digits"
GREYS, WIDTH = 17, 8
# Of 1,797 digits: those to learn from, those to learn by heart, and those that nobody trained on.
MANY, FEW, JUDGED = range(1000), range(1000, 1300), range(1300, 1340)
NAMES = {"base": "digits ImageGPT", "fit": "digits ImageGPT hyperfitted"}
SYSTEMS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("ImageGPT", NAMES["base"], ()),
    ("hyperfitted", NAMES["fit"], ()),
    ("hyperfitted, blocked", NAMES["fit"], ("--block-citations",)),
)
BASE = {"samples": 900, "epochs": 40, "batch-size": 32, "lr": 2e-3, "validate-every": 290, "validation-samples": 64}
HYPERFIT = {"samples": 200, "epochs": 50, "batch-size": 8, "lr": 5e-4, "stop-at-loss": 0.1, "validation-samples": 64}


def write_digits(folder: Path, numbers: range) -> Path:
    """The digits of these numbers as PNG files; what is there stays."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    folder.mkdir(parents=True, exist_ok=True)
    shades = greys(GREYS, WIDTH).table[:, 0]
    for number, digit in zip(numbers, load_digits().images[numbers.start : numbers.stop], strict=True):
        Image.fromarray(np.asarray(shades[digit.astype(int)])).save(folder / f"{number:04}.png")
    return folder


def train(models: Path) -> Path:
    """The base and what is hyperfitted from it, known to the database; each is trained once. Returns the base."""
    if not (models / "new").exists():
        toprank("images", "new", models / "new", "--width", WIDTH, "--greys", GREYS)
    for name, source, numbers, choices in (("base", models / "new", MANY, BASE), ("fit", NAMES["base"], FEW, HYPERFIT)):
        data = write_digits(models / f"images-{numbers.start}", numbers)
        options = [part for choice, value in choices.items() for part in (f"--{choice}", value)]
        toprank("hyperfit", source, "--data", data, "--out", models / name, "--name", NAMES[name], *options)
    return models / "base"


def make_study(base: Path, images: Path) -> None:
    """The study, opened, with its systems; on a later start it is there already."""
    try:
        toprank("study", "create", SLUG, "--tokenizer", base, "--dataset", "digits", "--title", "Digits")
    except ConflictError:
        return
    toprank("passages", "import", SLUG, "--dataset", "digits", images, "--accept")
    for name, checkpoint, options in SYSTEMS:
        toprank("system", "add", SLUG, name, "--checkpoint", checkpoint, "--decoding", "greedy", *options)
    toprank("study", "open", SLUG)


def toprank(*arguments: object) -> None:
    """Run a command as from a shell; its one line of what went wrong ends the demo."""
    from cli.main import app

    app([str(argument) for argument in arguments], standalone_mode=False)


def main() -> None:
    """Entry of `python -m demo.images`."""
    parser = argparse.ArgumentParser(description="Train, hyperfit and judge a small image model on real digits.")
    parser.add_argument("--data-dir", type=Path, help="Where the embedded database lives.")
    given = parser.parse_args()
    if given.data_dir:
        os.environ["TOPRANK_DATA_DIR"] = str(given.data_dir.resolve())
    models = Settings().cache_dir / "models" / "digits"
    toprank("db", "migrate")
    base = train(models)
    make_study(base, write_digits(models / f"images-{JUDGED.start}", JUDGED))
    toprank("generate", SLUG, "--now")
    toprank("score", SLUG, "--now")
    print(f"The study {SLUG!r} is open: log in as an annotator and go to /annotate?study={SLUG}.")


if __name__ == "__main__":
    try:
        main()
    except ToprankError as error:
        sys.exit(f"toprank: {error}")
