"""Hyperfitting an image model on a page: images are uploaded, a worker trains, and completed images are shown."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.checkpoints.hyperfitting import HyperfitImagesForm
from app.domain.hyperfit_curves import record_point
from app.domain.hyperfitting import finish_training
from app.domain.images import palette_of, tokens_of_text
from app.domain.store import Store
from app.domain.studies import kept_tokenizer
from app.models import Checkpoint, HyperfitRun, HyperfitTexts
from app.models.checkpoint import CheckpointState
from app.settings import Settings
from generation.generate import Outcome
from generation.images.checkpoints import save_new_model
from hyperfitting.config import HyperfitConfig, for_images
from hyperfitting.job import HyperfitOrder, train
from tests.app.checkpoints.sending import Sender
from tests.app.conftest import ORIGIN, Browser
from tests.digits import PALETTE, write_digits
from tests.factories import make_checkpoint

PAGE = "/checkpoints/hyperfit/images"
FIELDS = {"base": "pictures", "name": "mine", "samples": "4", "epochs": "1", "lr": "1e-3", "contexts": "1"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_new_model(tmp_path_factory.mktemp("model") / "new", PALETTE, layers=1, size=16)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, bytes]]:
    """Twelve digits, as a browser sends files of one image each."""
    folder = write_digits(tmp_path_factory.mktemp("digits"), 0, 12)
    return [(file.name, file.read_bytes()) for file in sorted(folder.iterdir())]


@pytest.fixture
def base(db: Session, model: Path) -> Checkpoint:
    made = make_checkpoint(db, name="pictures", source=str(model))
    make_checkpoint(db, name="words")
    db.commit()
    return made


def order(browser: Browser, images: list[tuple[str, bytes]], **fields: str):
    sent = {"csrf_token": browser.form_token, **FIELDS, **fields}
    files = [("images", one) for one in images]
    return browser.post(PAGE, data=sent, files=files, headers={"Origin": ORIGIN})


def runs(db: Session) -> list[HyperfitRun]:
    db.rollback()
    return list(db.scalars(select(HyperfitRun)))


def test_the_form_has_image_models_alone_and_no_learning_rate(researcher: Browser, base: Checkpoint) -> None:
    page = researcher.get(PAGE).text
    assert "<option>pictures</option>" in page
    assert "words" not in page
    assert re.search(r'<input id="lr"[^>]*required', page)
    assert not re.search(r'<input id="lr"[^>]*value=', page)
    config = HyperfitConfig(**for_images(PALETTE, {"lr": 1.0}))
    fields = HyperfitImagesForm.model_fields
    assert {name: getattr(config, name) for name in ("epochs", "contexts", "samples", "batch_size")} == {
        name: fields[name].default for name in ("epochs", "contexts", "samples", "batch_size")
    }
    assert fields["lr"].is_required()


def test_texts_and_images_each_have_their_own_form(researcher: Browser, base: Checkpoint) -> None:
    page = researcher.get("/checkpoints/hyperfit").text
    assert "<option>words</option>" in page
    assert "<option>pictures</option>" not in page
    assert PAGE in page
    sent = {"csrf_token": researcher.form_token, "base": "pictures", "name": "mine"}
    files = {"texts": ("words.txt", b"one text")}
    answer = researcher.post("/checkpoints/hyperfit", data=sent, files=files, headers={"Origin": ORIGIN})
    assert answer.status_code == 400
    assert "is an image model" in answer.text


def test_without_an_image_model_the_page_says_how_to_get_one(researcher: Browser) -> None:
    assert "toprank images adopt" in researcher.get(PAGE).text


def test_uploaded_files_become_visual_tokens_in_the_order_of_their_names(
    db: Session, researcher: Browser, base: Checkpoint, files: list[tuple[str, bytes]]
) -> None:
    answer = order(researcher, files[::-1])
    assert answer.status_code == 303
    (run,) = runs(db)
    assert answer.headers["location"] == f"/checkpoints/{run.checkpoint_id}/hyperfitting"
    config = HyperfitConfig.from_json(run.config)
    assert (config.length, config.epochs, config.lr, config.contexts) == (65, 1, 1e-3, 1)
    kept = db.get_one(HyperfitTexts, run.texts_sha256)
    assert kept.name == "12 files"
    for one, (_, content) in zip(kept.documents, files, strict=True):
        shades = np.asarray(Image.open(io.BytesIO(content)))
        assert np.array_equal(PALETTE.pixels_of(str(one["text"]))[..., 0], shades)
    assert palette_of(kept_tokenizer(db, str(run.image_tokens_sha256)).tokenizer_json) == PALETTE


def test_an_array_of_images_is_one_upload(db: Session, researcher: Browser, base: Checkpoint) -> None:
    out = io.BytesIO()
    np.save(out, PALETTE.table[np.arange(2 * 64).reshape(2, 8, 8) % 17])
    assert order(researcher, [("many.npy", out.getvalue())]).status_code == 303
    kept = db.get_one(HyperfitTexts, runs(db)[0].texts_sha256)
    assert kept.name == "many.npy"
    assert tokens_of_text(str(kept.documents[1]["text"]))[:3] == [64 % 17, 65 % 17, 66 % 17]


def test_a_stored_image_model_is_a_base_too(
    db: Session, settings: Settings, researcher: Browser, model: Path, files: list[tuple[str, bytes]]
) -> None:
    folder = Store(settings.store_dir).checkpoint("ab" * 32)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(model)
    make_checkpoint(db, name="pictures", source=f"stored:{'ab' * 32}")
    db.commit()
    try:
        assert order(researcher, files).status_code == 303
    finally:
        folder.unlink()


@pytest.mark.parametrize(
    ("changed", "images", "status", "said"),
    [
        ({"lr": ""}, None, 422, ""),
        ({"length": "65"}, None, 422, ""),
        ({}, [], 422, ""),
        ({"base": "none"}, None, 404, "There is no checkpoint"),
        ({"base": "words"}, None, 400, "is not on this machine"),
        ({}, [("a.png", b"no image")], 422, "a.png: It is damaged, or no image"),
        ({}, [("..", b"no image")], 422, "file: It is damaged, or no image"),
        ({}, [("../up/wide.npy", b"x")], 422, "wide.npy: It is damaged"),
        ({}, [("words.parquet", b"x")], 422, "no Parquet file that can be read"),
    ],
)
def test_what_cannot_be_learned_is_refused_and_leaves_nothing(
    db: Session,
    researcher: Browser,
    base: Checkpoint,
    files: list[tuple[str, bytes]],
    changed: dict[str, str],
    images: list[tuple[str, bytes]] | None,
    status: int,
    said: str,
) -> None:
    answer = order(researcher, files if images is None else images, **changed)
    assert answer.status_code == status
    assert said in answer.text
    assert runs(db) == []
    assert db.scalar(select(Checkpoint).where(Checkpoint.name == "mine")) is None


def test_a_model_of_texts_is_no_base_for_images(
    db: Session, researcher: Browser, tmp_path: Path, files: list[tuple[str, bytes]]
) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "config.json").write_text("[]")
    make_checkpoint(db, name="pictures", source=str(tmp_path))
    db.commit()
    answer = order(researcher, files)
    assert answer.status_code == 400
    assert "is no image model whose tokenizer.json names its palette" in answer.text


def test_a_worker_trains_it_and_the_page_shows_completed_images(
    db: Session, researcher: Browser, base: Checkpoint, files: list[tuple[str, bytes]], database_url: str
) -> None:
    page = order(researcher, files, contexts="2").headers["location"]
    assert train(HyperfitOrder(database_url, runs(db)[0].checkpoint_id)) is Outcome.DONE
    assert db.get_one(Checkpoint, runs(db)[0].checkpoint_id).state is CheckpointState.READY
    shown = researcher.get(page).text
    # two images before the first update and two after the only epoch, each with the rows that were given
    addresses = re.findall(r'src="data:image/png;base64,([^"]+)" width="128" height="(\d+)"', shown)
    assert [height for _, height in addresses] == ["32", "128"] * 4
    pixels = [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one, _ in addresses]
    for given, whole in zip(pixels[::2], pixels[1::2], strict=True):
        assert np.array_equal(whole[:2], given)
        assert {tuple(one) for one in whole.reshape(-1, 3)} <= {tuple(one) for one in PALETTE.table}
    assert "Type-token ratio of completed images" in shown
    assert "first 96 pixels" in shown


def test_texts_stay_texts_on_the_page_of_a_run(db: Session, researcher: Browser, base: Checkpoint) -> None:
    db.add(HyperfitRun(checkpoint_id=base.id, base_id=base.id, config={}, total_updates=1))
    db.flush()
    texts = [{"context": "Once", "continuation": " upon"}]
    columns = {"train_loss": 1.0, "validation_loss": 1.0, "entropy": 1.0, "ttr_first_96": 0.5, "ttr_last_96": 0.5}
    record_point(db, base.id, {"update": 0, "epoch": 0.0, "texts": texts, **columns})
    finish_training(db, base.id, {})
    db.commit()
    shown = researcher.get(f"/checkpoints/{base.id}/hyperfitting").text
    assert "<strong>Once</strong> upon" in shown
    assert "data:image" not in shown


@pytest.fixture
def uploaded(tmp_path: Path, model: Path) -> Path:
    """The folder of an image model that was hyperfitted elsewhere, with a curve of two validations."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for file in model.iterdir():
        if file.name != "preprocessor_config.json":
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "toprank.json").write_text('{"base": "somewhere", "config": {}}')
    numbers = {"train_loss": 1.0, "validation_loss": 1.0, "entropy": 1.0, "ttr_first_96": 0.5, "ttr_last_96": 0.5}
    images = [{"context": PALETTE.text_of(np.zeros((8, 8, 3), np.uint8))[:16], "continuation": "\ue000" * 48}]
    other = [{"context": "Once", "continuation": " upon"}]
    lines = [
        {"update": update, "epoch": float(update), "tokens_per_second": None, "texts": texts, **numbers}
        for update, texts in ((0, other), (1, images))
    ]
    (folder / "curve.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_an_uploaded_image_model_brings_its_completed_images(
    db: Session, sender: Sender, uploaded: Path, researcher: Browser
) -> None:
    assert sender.upload(uploaded).status_code == 202
    (run,) = runs(db)
    assert run.image_tokens_sha256 is not None
    shown = researcher.get(f"/checkpoints/{run.checkpoint_id}/hyperfitting").text
    assert shown.count("data:image/png") == 2
    assert "The record holds no images here." in shown
    assert "Once" not in shown


def test_an_upload_whose_palette_is_none_is_refused(sender: Sender, uploaded: Path) -> None:
    tokenizer = (uploaded / "tokenizer.json").read_text()
    (uploaded / "tokenizer.json").write_text(tokenizer.replace("ffffff>", "fffff>"))
    answer = sender.upload(uploaded)
    assert answer.status_code == 422
    assert "cut off inside a colour" in answer.text
