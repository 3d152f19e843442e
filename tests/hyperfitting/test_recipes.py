"""Recipes, run on the tiny model: every kind of experiment that the files in recipes/ ask for."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from generation.smollm2 import checkpoint_dir
from hyperfitting import wikipedia
from hyperfitting.checkpoints import read_lineage
from hyperfitting.data import Document
from hyperfitting.evaluation import read_evaluated
from hyperfitting.kitchen import Kitchen, file_name
from hyperfitting.recipes import RecipeError, read_recipe
from hyperfitting.report import write_report
from tests.hyperfitting.conftest import make_documents
from tests.tiny_model import sample_text

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))
RECIPE = """
title = "Tiny"
base = "{base}"
passages_per_dataset = 2

[data]
words = "texts/words.jsonl"

[held_out]
sentences = "texts/sentences.jsonl"

[defaults]
data = "words"
samples = 16
length = 32
epochs = 2
lr = 3e-3
validation_samples = 4
contexts = 0

[[runs]]
name = "shuffled"
order = ["given", "repeat", "shuffle-all"]

[[runs]]
name = "fresh"
fresh_as = "shuffled order=given"

[[runs]]
name = "lowest"
keep = "lowest-validation-loss"

[[systems]]
name = "penalty"
run = "base"
repetition_penalty = 50.0
"""


@pytest.fixture
def recipe_file(tmp_path: Path, tiny_checkpoint: Path) -> Callable[..., Path]:
    """Writes a recipe with its texts, a phrase of it replaced by another where wished."""

    def write(old: str = "", new: str = "") -> Path:
        for folder in ("texts", "recipes"):
            (tmp_path / folder).mkdir(exist_ok=True)
        lines = [json.dumps({"text": one.text, "source": one.source}) for one in make_documents(40)]
        (tmp_path / "texts/words.jsonl").write_text("\n".join(lines))
        passages = [json.dumps({"text": sample_text(number)}) for number in range(3)]
        (tmp_path / "texts/sentences.jsonl").write_text("\n".join(passages))
        file = tmp_path / "recipes/tiny.toml"
        written = RECIPE.format(base=tiny_checkpoint)
        assert old in written
        file.write_text(written.replace(old, new, 1) if old else written)
        return file

    return write


def test_a_recipe_makes_its_checkpoints_compares_its_systems_and_goes_on_where_it_stopped(recipe_file, tmp_path):
    recipe = read_recipe(recipe_file())
    reports: list[str] = []
    kitchen = Kitchen(recipe, tmp_path / "out", reports.append)

    evaluated = kitchen.run()

    runs = ["shuffled order=given", "shuffled order=repeat", "shuffled order=shuffle-all", "fresh", "lowest"]
    assert list(evaluated) == ["base", *runs, "penalty"]
    assert all(len(rows) == 2 and len(rows[0].continuation) == 224 for rows in evaluated.values())
    fresh = read_lineage(kitchen.checkpoint("fresh"))
    assert (fresh.update, fresh.config["samples"], fresh.config["updates"]) == (4, 32, 4)

    text = write_report(kitchen.out, recipe, evaluated, kitchen.training_sets(), command="the command")

    found = json.loads((kitchen.out / "report.json").read_text())
    agreement = found["top_1_agreement"]
    # on a CPU, the same run again is the same model; another order is another
    assert agreement["shuffled order=given"]["shuffled order=repeat"] == 1.0
    assert agreement["shuffled order=given"]["shuffled order=shuffle-all"] <= 1.0
    assert agreement["base"] == {**agreement["base"], "base": 1.0, "penalty": 1.0}  # it reads as the base does
    assert found["passages"] == {"sentences": 2}
    assert set(found["overlap"]) == set(runs)
    overlap = found["overlap"]["fresh"]["base"]
    assert overlap["share_beyond_10"]["n"] == 2
    assert overlap["share_beyond_10"]["estimate"] <= overlap["share_beyond_5"]["estimate"] <= 1
    assert overlap["longest"]["estimate"] <= overlap["max"]
    assert "| base | sentences | " in text
    assert evaluated["base"][0].continuation != evaluated["penalty"][0].continuation

    # once more: nothing is trained, and only the line that was cut off is evaluated again
    file = kitchen.out / "evaluated" / "base.jsonl"
    file.write_text(file.read_text()[:-40])
    reports.clear()
    assert kitchen.run() == evaluated
    assert reports == ["base: 1 of 1 passages"]
    assert read_evaluated(file) == evaluated["base"]


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_the_recipes_of_this_repository_can_be_read_and_their_choices_are_choices(file):
    recipe = read_recipe(file)

    kitchen = Kitchen(recipe, Path("nowhere"), print)
    assert recipe.runs
    for run in recipe.runs:
        if run.fresh_as is None:
            assert kitchen.config(run).total_updates > 0


def test_the_sweep_of_the_paper_has_as_many_updates_for_every_quantity():
    recipe = read_recipe(Path(__file__).parents[2] / "recipes/quantity.toml")
    configs = [Kitchen(recipe, Path("nowhere"), print).config(run) for run in recipe.runs]

    assert [config.samples for config in configs] == [2000, 1000, 500, 256, 128, 64, 32, 16, 8]
    assert {config.total_updates for config in configs} == {5000}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("lr = 3e-3", "warmup = 3", "nothing is called warmup"),
        ('title = "Tiny"', 'titel = "Tiny"', "tiny.toml: nothing is called titel"),
        ('data = "words"', 'data = "verses"', "trains on verses, which is not under"),
        ('fresh_as = "shuffled order=given"', 'fresh_as = "nobody"', "follows nobody, which no run before it"),
        ('run = "base"', 'run = "nobody"', "is of nobody, which no run is called"),
        ('name = "penalty"', 'name = "fresh"', "Two systems of the recipe have the same name"),
        ("repetition_penalty = 50.0", "repetition_penalty = -1", "repetition_penalty is -1"),
        ("repetition_penalty = 50.0", "beams = 4", "nothing is called beams"),
        ('title = "Tiny"', "title = ", "is not TOML"),
        ('name = "fresh"\n', "", "A run of the recipe has no name"),
        ('name = "penalty"\n', "", "A system of the recipe has no name"),
        ('data = "words"', "seed = 1", "The run shuffled order=given does not say by `data` what it trains on"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_with_the_place(recipe_file, old, new, reason):
    with pytest.raises(RecipeError, match=reason):
        read_recipe(recipe_file(old, new))


def test_a_recipe_without_a_run_or_a_base_is_refused(tmp_path):
    for text in ('base = "tiny"', "[[runs]]"):
        (tmp_path / "empty.toml").write_text(text)
        with pytest.raises(RecipeError, match=r"empty\.toml: a recipe has a base and at least one run"):
            read_recipe(tmp_path / "empty.toml")


def test_texts_and_the_demos_model_can_come_from_packages(recipe_file, tmp_path, monkeypatch):
    file = recipe_file('words = "texts/words.jsonl"', 'words = "wikipedia-introductions"')
    file.write_text(re.sub('base = "[^"]*"', 'base = "smollm2"', file.read_text(), count=1))
    model, texts = checkpoint_dir(tmp_path / "cache"), tmp_path / "cache" / "texts"
    for folder in (model, texts):
        folder.mkdir(parents=True)
    (texts / wikipedia.FILE).write_text(json.dumps({"1": {"title": "Dada", "extract": "A movement."}}))
    monkeypatch.setenv("TOPRANK_CACHE", str(tmp_path / "cache"))

    kitchen = Kitchen(read_recipe(file), tmp_path / "out", print)

    assert kitchen.base() == kitchen.checkpoint("base") == model
    assert kitchen.documents("words") == [Document("A movement.", "Wikipedia: Dada")]


def test_a_recipe_that_is_not_there_is_said(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "missing.toml")


def test_a_control_cannot_follow_a_run_that_was_not_made(recipe_file, tmp_path):
    recipe = read_recipe(recipe_file())

    with pytest.raises(RecipeError, match="which has not been made"):
        Kitchen(recipe, tmp_path / "out", print).config(recipe.runs[3])


def test_names_become_files():
    assert file_name("shuffled order=shuffle-all") == "shuffled-order-shuffle-all"
