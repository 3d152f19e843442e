"""The whole way with real small images: train an image model, hyperfit it, complete, judge, and see the figures."""

import asyncio
import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.domain.images import palette_of, tokens_of_text
from app.models import Annotation, Continuation, HyperfitPoint, Passage, Study
from app.models.study import Modality
from generation.citation.index import CitationIndex
from generation.images.checkpoints import palette_of_clusters
from metrics.ttr import type_token_ratio
from tests.cli.test_pipeline import fails, judge_everything, run
from tests.digits import PALETTE, write_digits

WHOLE = ("--contexts", 0, "--validation-samples", 8)


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("digits")
    for name, first, count in (("many", 0, 60), ("few", 60, 24), ("test", 200, 3)):
        write_digits(root / name, first, count)
    return root


@pytest.fixture(scope="module")
def models(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model, one trained on many images, and one hyperfitted on a few; without a database."""
    root = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        patch.setenv("TOPRANK_DATA_DIR", str(root / "nowhere"))
        run("images", "new", root / "new", "--width", 8, "--greys", 17, "--layers", 2, "--size", 32)
        arguments = ("--samples", 48, "--epochs", 3, "--lr", 3e-3, *WHOLE)
        run("hyperfit", root / "new", "--data", digits / "many", "--out", root / "base", *arguments)
        arguments = ("--samples", 8, "--epochs", 12, "--lr", 3e-3, *WHOLE)
        run("hyperfit", root / "base", "--data", digits / "few", "--out", root / "fit", *arguments)
    return root


@pytest.fixture
def study(models: Path, digits: Path) -> str:
    run("study", "create", "tiny", "--tokenizer", models / "base", "--dataset", "digits", "--quota", 1)
    run("passages", "import", "tiny", "--dataset", "digits", digits / "test", "--accept")
    for name in ("base", "fit"):
        run("checkpoint", "add", name, models / name)
        run("system", "add", "tiny", name, "--checkpoint", name, "--decoding", "greedy")
    run("system", "add", "tiny", "blocked", "--checkpoint", "fit", "--decoding", "greedy", "--block-citations")
    return "tiny"


def test_hyperfitting_learns_images_by_heart_and_says_what_it_did(models: Path) -> None:
    lineage = json.loads((models / "fit" / "toprank.json").read_text())
    assert lineage["config"]["length"] == 65
    assert lineage["train_loss"] < json.loads((models / "base" / "toprank.json").read_text())["train_loss"]
    points = [json.loads(line) for line in (models / "fit" / "curve.jsonl").read_text().splitlines()]
    # before the first update and after each of 12 epochs
    assert len(points) == 13
    assert (
        palette_of((models / "fit" / "tokenizer.json").read_bytes()) == PALETTE == palette_of_clusters(models / "fit")
    )
    assert CitationIndex.load(models / "fit" / "citation_index") is not None


def test_from_images_to_a_figure_and_a_csv(study: str, engine: Engine, database_url: str, tmp_path: Path) -> None:
    run("study", "open", study)
    run("generate", study, "--now")
    run("score", study, "--now")
    with Session(engine) as session:
        assert session.scalars(select(Study.modality)).one() is Modality.IMAGE
        written = list(session.scalars(select(Continuation)))
        passages = {one.id: one for one in session.scalars(select(Passage))}
    assert len(written) == 9
    for one in written:
        whole = PALETTE.pixels_of(passages[one.passage_id].context + one.text)
        # the two rows that were given stand as they were
        assert np.array_equal(whole[:2], PALETTE.pixels_of(passages[one.passage_id].context))
        assert whole.shape == (8, 8, 3)
        assert tokens_of_text(one.text) == one.token_ids
        assert one.ttr_256 == type_token_ratio(one.token_ids)
        assert one.engine == "transformers, 1 beginning-of-sequence token"
    assert any(one.citation_matches is not None for one in written)

    with ThreadPoolExecutor(1) as thread:
        judged = thread.submit(asyncio.run, judge_everything(engine, database_url, tmp_path)).result()
    assert judged > 0

    run("study", "pause", study)
    run("study", "close", study)
    found = json.loads(run("results", study, "--json").stdout)
    assert {row["scenario"] for row in found["systems"]} == {256}
    assert len(found["exhibits"]["figure-6"]["rows"]) == 3
    run("results", study, "--out", tmp_path / "out")
    with Image.open(tmp_path / "out" / "figure-11.png") as picture:
        assert picture.width > 500
    run("export", study, "--texts", "--out", tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["modality"] for row in rows} == {"image"}
    with Session(engine) as session:
        assert len({row["annotation_id"] for row in rows}) == len(session.scalars(select(Annotation.id)).all())
    run("bundle", "make", study, "--out", tmp_path / "tiny.zip")
    verified = json.loads(run("bundle", "verify", tmp_path / "tiny.zip", "--json").stdout)
    assert (verified["study"], verified["annotations"]) == (study, len({row["annotation_id"] for row in rows}))


def test_a_run_on_images_is_followed_by_the_database(
    models: Path, digits: Path, engine: Engine, tmp_path: Path
) -> None:
    run("checkpoint", "add", "base", models / "base")
    arguments = ("--samples", 8, "--epochs", 1, "--lr", 1e-3, "--validation-samples", 8)
    run("hyperfit", "base", "--data", digits / "few", "--out", tmp_path / "again", *arguments)
    with Session(engine) as session:
        points = list(session.scalars(select(HyperfitPoint).order_by(HyperfitPoint.update)))
    assert len(points) == 2
    for point in points:
        # three of the eight that are completed are kept, each a quarter given and the rest written
        assert [(len(text["context"]), len(text["continuation"])) for text in point.texts] == [(16, 48)] * 3
        for text in point.texts:
            assert PALETTE.pixels_of(text["context"] + text["continuation"]).shape == (8, 8, 3)
        # 48 generated pixels are fewer than 96, so both windows are all of them
        assert point.ttr_first_96 == point.ttr_last_96
        assert point.ttr_last_96 is not None


@pytest.mark.filterwarnings("default")
def test_a_data_set_as_the_hub_has_them_is_learned_from_its_split(
    models: Path, digits: Path, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "cifar").mkdir()
    for split, count in (("train", 20), ("test", 4)):
        files = sorted((digits / "few").iterdir())[:count]
        cells = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
        pq.write_table(pa.table({"img": cells, "label": [0] * count}), tmp_path / "cifar" / f"{split}.parquet")
    source = ("--hf", tmp_path / "cifar", "--column", "img")
    arguments = ("--samples", 8, "--epochs", 1, "--lr", 1e-3, *WHOLE)
    run("hyperfit", models / "base", *source, "--split", "train", "--out", tmp_path / "out", *arguments)
    lineage = json.loads((tmp_path / "out" / "toprank.json").read_text())
    assert (lineage["documents"], lineage["data"]) == (20, f"{tmp_path / 'cifar'} (train)")
    run("study", "create", "whole", "--tokenizer", models / "base", "--dataset", "cifar")
    imported = ("passages", "import", "whole", "--dataset", "cifar", *source, "--split", "test", "--accept")
    assert "4 texts read: 4 passages imported" in run(*imported).stdout


def test_without_a_network_a_data_set_of_the_hub_is_one_clear_line(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    out = ("--out", tmp_path / "out", "--lr", 1e-3)
    said = fails("hyperfit", models / "base", "--hf", "uoft-cs/cifar10", "--column", "img", *out)
    assert said.startswith("uoft-cs/cifar10: It cannot be read: ")
    assert said.endswith("Nothing was imported.")
    assert "not both" in fails("hyperfit", models / "base", *out)
    assert not (tmp_path / "out").exists()


def test_images_that_people_judge_are_kept_out_of_training(
    study: str, models: Path, digits: Path, tmp_path: Path
) -> None:
    arguments = ("--samples", 1, "--epochs", 1, "--lr", 1e-3, "--out", tmp_path / "out", *WHOLE)
    said = fails("hyperfit", models / "base", "--data", digits / "test", *arguments)
    assert "Every text shares its source or 13 words in a row" in said


def test_every_mistake_with_images_is_one_clear_line(study: str, models: Path, digits: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "out")
    few = ("--data", digits / "few")
    assert "needs --lr" in fails("hyperfit", models / "base", *few, *out)
    assert "use --length 65" in fails("hyperfit", models / "base", *few, *out, "--lr", 1e-3, "--length", 64)
    assert "leave out --scenario" in fails(
        *("system", "add", study, "short", "--checkpoint", "fit", "--decoding", "greedy", "--scenario", 128)
    )
    assert "vLLM runs no image models" in fails("generate", study, "--now", "--engine", "vllm")
    assert "a study of images has none" in fails("study", "qualification", study)
    assert not (tmp_path / "out").exists()


def test_a_broken_image_leaves_nothing_half_imported(study: str, digits: Path, tmp_path: Path, engine: Engine) -> None:
    write_digits(tmp_path, 300, 2)
    Image.new("RGB", (9, 9)).save(tmp_path / "zzz.png")
    assert "zzz.png: It is 9 x 9 pixels; images here are 8 x 8." in fails(
        "passages", "import", study, "--dataset", "digits", tmp_path
    )
    with Session(engine) as session:
        assert len(session.scalars(select(Passage)).all()) == 3


def test_a_checkpoint_of_another_palette_is_refused_with_a_reason(study: str, tmp_path: Path) -> None:
    run("images", "new", tmp_path / "other", "--width", 8, "--greys", 16, "--layers", 1, "--size", 16)
    run("checkpoint", "add", "other", tmp_path / "other")
    run("system", "add", study, "other", "--checkpoint", "other", "--decoding", "greedy")
    run("study", "open", study)
    assert "other: The images of the study have another palette" in fails("generate", study, "--now")


def test_gold_for_images_is_their_pixels_in_disorder(study: str, digits: Path, tmp_path: Path, engine: Engine) -> None:
    write_digits(tmp_path, 400, 3)
    run("passages", "import", study, "--dataset", "digits", tmp_path, "--accept")
    run("study", "gold", study, "--count", 2)
    with Session(engine) as session:
        from app.models import Comparison

        for gold in session.scalars(select(Comparison)):
            assert gold.candidate_text != gold.reference_text
            assert len(gold.candidate_text) == len(gold.reference_text) == 48


def test_a_new_model_wants_one_palette_and_heads_that_divide_it(tmp_path: Path) -> None:
    new = ("images", "new", tmp_path / "new", "--width", 8)
    for palettes in ((), ("--greys", 16, "--colours-of", tmp_path)):
        assert "Say which palette" in fails(*new, *palettes)
    assert "3 heads do not divide a width of 64." in fails(*new, "--greys", 16, "--heads", 3)
