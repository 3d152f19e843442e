"""The recipes of this repository, each run from its file to its report, at a size that takes seconds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from hyperfitting.checkpoints import Lineage, read_lineage
from hyperfitting.kitchen import file_name
from tests.hyperfitting.conftest import make_documents
from tests.tiny_model import sample_text

RECIPES = Path(__file__).parents[2] / "recipes"
Rehearse = Callable[..., tuple[dict[str, Any], dict[str, Lineage]]]


@pytest.fixture
def rehearse(tmp_path: Path, tiny_checkpoint: Path) -> Rehearse:
    """Runs a recipe for one update a run on texts of the test's own, some phrases of it replaced by smaller ones."""

    def write(folder: str, names: tuple[str, ...], lines: list[str]) -> None:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            (tmp_path / folder / f"{name}.jsonl").write_text("\n".join(lines))

    def run(name: str, *smaller: tuple[str, str]) -> tuple[dict[str, Any], dict[str, Lineage]]:
        learnt = [json.dumps({"text": one.text}) for one in make_documents(80, words=160)]
        passages = [json.dumps({"text": sample_text(number)}) for number in range(2)]
        write("data", ("fiction-training", "wikipedia-training", "news-training"), learnt)
        write("data", ("wikipedia", "fiction", "news"), passages)
        write("demo/texts", ("wikipedia", "fiction", "speeches"), passages)
        recipe = (RECIPES / name).read_text()
        for old, new in smaller:
            assert old in recipe
            recipe = recipe.replace(old, new)
        (tmp_path / "recipes").mkdir()
        (tmp_path / "recipes" / name).write_text(recipe)
        out = tmp_path / "out"
        options = ["--out", str(out), "--base", str(tiny_checkpoint), "--passages", "1", "--updates", "1", "--json"]
        done = CliRunner().invoke(app, ["recipe", "run", str(tmp_path / "recipes" / name), *options])
        assert done.exception is None, done.exception
        found = json.loads(done.stdout)
        made = {run: read_lineage(out / "checkpoints" / file_name(run)) for run in found["overlap"]}
        return found, {run: lineage for run, lineage in made.items() if lineage is not None}

    return run


def test_the_order_of_the_samples(rehearse: Rehearse) -> None:
    found, made = rehearse("order.toml", ("[defaults]", "[defaults]\nsamples = 16"))

    orders = ["given", "repeat", "shuffle-1", "shuffle-all"]
    assert {name: one.config["order"] for name, one in made.items()} == {f"fiction order={one}": one for one in orders}
    assert {one.config["precision"] for one in made.values()} == {"bf16"}
    agreement = found["top_1_agreement"]["fiction order=given"]
    assert agreement["fiction order=repeat"] == 1.0  # a CPU computes the same twice
    assert set(agreement) == {"base", *made}
    assert found["passages"] == {"wikipedia": 1, "fiction": 1, "news": 1}


def test_the_datasets(rehearse: Rehearse) -> None:
    found, made = rehearse("datasets.toml", ("[defaults]", "[defaults]\nsamples = 16"))

    assert {name: one.data for name, one in made.items()} == {
        f"on {name}": f"data/{name}-training.jsonl" for name in ("fiction", "wikipedia", "news")
    }
    assert set(found["means"]) == {"base", *made}


def test_the_quantity_of_samples(rehearse: Rehearse) -> None:
    found, made = rehearse("quantity.toml", ("2000, 1000, 500, 256, 128, 64, ", ""))

    assert {name: (one.config["samples"], one.update) for name, one in made.items()} == {
        f"fiction samples={count}": (count, 1) for count in (32, 16, 8)
    }
    for name in made:
        assert 0 < found["means"][name]["fiction"]["TTR, first 96"]["estimate"] <= 1


def test_the_controls(rehearse: Rehearse) -> None:
    found, made = rehearse("controls.toml", ('"wikipedia-introductions"', '"data/fiction-training.jsonl"'))

    assert [made[f"hyperfitted seed={seed}"].seed for seed in range(3)] == [0, 1, 2]
    fresh = made["fresh data"].config
    assert (fresh["samples"], fresh["updates"], fresh["batch_size"]) == (8, 1, 8)  # none is seen twice
    assert made["lowest validation loss"].config["keep"] == "lowest-validation-loss"
    assert set(found["means"]) == {"base", *made, "base with repetition penalty 1.2"}


def test_the_papers_own(rehearse: Rehearse) -> None:
    found, made = rehearse("reproduce-paper.toml", ('data = "fiction"', 'data = "fiction"\nsamples = 16'))

    assert {name: (one.update, one.config["lr"], one.config["length"]) for name, one in made.items()} == {
        "hyperfitted": (1, 1e-6, 256),
        "fresh data": (1, 1e-6, 256),
    }
    assert found["title"].endswith("(a rehearsal: --updates 1)")
