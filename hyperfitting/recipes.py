"""Experiments as files: which checkpoints to make, which systems to compare on which passages; one command runs them.

Everything that is finished stays finished: the same command goes on after any end, and a recipe that grew runs only
what is new.
"""

import itertools
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from app.errors import ToprankError
from generation.engines.base import Decoding
from hyperfitting.config import HyperfitConfig

PACKAGED = "wikipedia-introductions"
DEMO_MODEL = "smollm2"
BASE = "base"
GREEDY = Decoding()
TOP = {"title", "base", "passages_per_dataset", "data", "held_out", "defaults", "runs", "systems"}
CHOICES = {field.name for field in fields(HyperfitConfig)}


class RecipeError(ToprankError):
    """A recipe says something that cannot be done."""


@dataclass(frozen=True)
class Run:
    """A checkpoint to make; `fresh_as` names a run whose number of updates is made on sequences that are all new."""

    name: str
    data: str
    choices: dict[str, Any]
    fresh_as: str | None = None


@dataclass(frozen=True)
class Contender:
    """A system to evaluate: the checkpoint of a run, or the base, and how it decodes."""

    name: str
    run: str
    decoding: Decoding = GREEDY


@dataclass(frozen=True)
class Recipe:
    """A recipe as its file has it, lists of choices spelt out as one run each.

    `most_updates` makes it a rehearsal: the same runs and systems, each trained only so far and barely measured.
    """

    title: str
    base: str
    data: dict[str, str]
    held_out: dict[str, str]
    runs: tuple[Run, ...]
    contenders: tuple[Contender, ...]
    passages_per_dataset: int
    root: Path
    most_updates: int | None = None


def read_recipe(file: Path) -> Recipe:
    """Read a recipe, whose files are named as seen from the folder above it. Raises RecipeError."""
    try:
        saved = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"The recipe {file} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"The recipe {file} is not TOML: {error}.") from error
    _refuse_unknown(saved, TOP, file.name)
    _refuse_unknown(saved.get("defaults", {}), CHOICES | {"data"}, "defaults")
    if "base" not in saved or not saved.get("runs"):
        raise RecipeError(f"{file.name}: a recipe has a base and at least one run.")
    runs = tuple(run for table in saved["runs"] for run in _runs(table, saved.get("defaults", {})))
    contenders = (Contender(BASE, BASE), *(Contender(run.name, run.name) for run in runs))
    recipe = Recipe(
        title=saved.get("title", file.stem),
        base=saved["base"],
        data=saved.get("data", {}),
        held_out=saved.get("held_out", {}),
        runs=runs,
        contenders=contenders + tuple(map(_contender, saved.get("systems", []))),
        passages_per_dataset=saved.get("passages_per_dataset", 24),
        root=file.resolve().parent.parent,
    )
    return _checked(recipe)


def _runs(table: dict[str, Any], defaults: dict[str, Any]) -> list[Run]:
    """One run for each combination of the choices that are lists."""
    _refuse_unknown(table, CHOICES | {"name", "data", "fresh_as"}, f"run {table.get('name')}")
    own = {key: value for key, value in table.items() if key not in {"name", "fresh_as"}}
    if "name" not in table:
        raise RecipeError("A run of the recipe has no name.")
    many = [key for key, value in own.items() if isinstance(value, list)]
    runs = []
    for values in itertools.product(*(own[key] for key in many)):
        chosen = defaults | own | dict(zip(many, values, strict=True))
        name = " ".join([table["name"], *(f"{key}={value}" for key, value in zip(many, values, strict=True))])
        if "data" not in chosen:
            raise RecipeError(f"The run {name} does not say by `data` what it trains on.")
        data = chosen.pop("data")
        runs.append(Run(name, data, chosen, table.get("fresh_as")))
    return runs


def _contender(table: dict[str, Any]) -> Contender:
    if "name" not in table:
        raise RecipeError("A system of the recipe has no name.")
    decoding = {key: value for key, value in table.items() if key not in {"name", "run"}}
    _refuse_unknown(decoding, {field.name for field in fields(Decoding)}, f"system {table['name']}")
    try:
        return Contender(table["name"], table.get("run", BASE), Decoding(**decoding))
    except ValueError as error:
        raise RecipeError(f"The system {table['name']}: {error}") from error


def _checked(recipe: Recipe) -> Recipe:
    names = [run.name for run in recipe.runs]
    for run in recipe.runs:
        if run.data not in recipe.data:
            raise RecipeError(f"The run {run.name} trains on {run.data}, which is not under [data].")
        if run.fresh_as is not None and run.fresh_as not in names[: names.index(run.name)]:
            raise RecipeError(f"The run {run.name} follows {run.fresh_as}, which no run before it is called.")
    for contender in recipe.contenders:
        if contender.run not in (BASE, *names):
            raise RecipeError(f"The system {contender.name} is of {contender.run}, which no run is called.")
    if len({contender.name for contender in recipe.contenders}) != len(recipe.contenders):
        raise RecipeError("Two systems of the recipe have the same name.")
    return recipe


def _refuse_unknown(table: dict[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise RecipeError(f"{where}: nothing is called {', '.join(unknown)} (known: {', '.join(sorted(known))}).")
