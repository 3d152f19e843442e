"""`toprank recipe run`, as a person runs it."""

import json
from pathlib import Path

from typer.testing import CliRunner

from app.errors import ToprankError
from cli.main import app
from hyperfitting.checkpoints import read_lineage
from tests.hyperfitting.conftest import make_documents
from tests.tiny_model import sample_text

RECIPE = """
title = "Tiny"
base = "somewhere/else"
data.words = "recipes/words.jsonl"
held_out.sentences = "recipes/sentences.jsonl"

[[runs]]
name = "hyperfitted"
data = "words"
samples = 16
length = 32
epochs = 2
lr = 3e-3
validation_samples = 4
contexts = 0
"""


def test_it_prints_what_it_found_and_the_command_that_found_it(tmp_path: Path, tiny_checkpoint: Path) -> None:
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "tiny.toml").write_text(RECIPE)
    (folder / "words.jsonl").write_text("\n".join(json.dumps({"text": one.text}) for one in make_documents(30)))
    (folder / "sentences.jsonl").write_text("\n".join(json.dumps({"text": sample_text(number)}) for number in range(3)))
    command = ["recipe", "run", str(folder / "tiny.toml"), "--out", str(tmp_path / "out"), "--passages", "2"]

    done = CliRunner().invoke(app, [*command, "--base", str(tiny_checkpoint)])
    again = CliRunner().invoke(app, [*command, "--base", str(tiny_checkpoint), "--json"])

    assert (done.exit_code, again.exit_code) == (0, 0)
    assert "# Tiny" in done.stdout
    found = json.loads(again.stdout)
    options = f"--out {tmp_path / 'out'} --base {tiny_checkpoint} --passages 2"
    assert found["command"] == f"toprank recipe run {folder / 'tiny.toml'} {options}"
    assert found["passages"] == {"sentences": 2}
    assert set(found["means"]) == {"base", "hyperfitted"}


def test_a_rehearsal_trains_only_so_far_and_says_so(tmp_path: Path, tiny_checkpoint: Path) -> None:
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "tiny.toml").write_text(RECIPE)
    (folder / "words.jsonl").write_text("\n".join(json.dumps({"text": one.text}) for one in make_documents(30)))
    (folder / "sentences.jsonl").write_text(json.dumps({"text": sample_text(0)}))
    options = ["--out", str(tmp_path / "out"), "--base", str(tiny_checkpoint), "--updates", "1", "--json"]

    done = CliRunner().invoke(app, ["recipe", "run", str(folder / "tiny.toml"), *options])

    found = json.loads(done.stdout)
    assert found["title"] == "Tiny (a rehearsal: --updates 1)"
    assert found["command"].endswith("--updates 1")
    single = found["means"]["base"]["sentences"]["entropy"]
    assert (single["low"], single["high"], single["n"]) == (None, None, 1)  # of one passage
    lineage = read_lineage(tmp_path / "out/checkpoints/hyperfitted")
    assert lineage is not None
    assert (lineage.update, lineage.config["samples"]) == (1, 16)


def test_a_recipe_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["recipe", "run", str(tmp_path / "none.toml"), "--out", str(tmp_path / "out")])

    assert isinstance(done.exception, ToprankError)
