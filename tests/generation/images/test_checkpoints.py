"""ImageGPT checkpoints: adopted with a tokenizer.json that names the palette, loaded, or refused with a reason."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForCausalLM, ImageGPTForCausalImageModeling

from app.domain.images import ImageError, Palette, palette_of, text_of_tokens
from generation.engines.base import Decoding, Prompt
from generation.engines.transformers_engine import TransformersEngine
from generation.images.checkpoints import adopt, is_image_model, model_class, palette_of_clusters, save_new_model
from generation.images.palettes import colours_of, greys
from generation.own_tokens import OwnTokens
from generation.predictor import Predictor
from tests.digits import write_digits

COLOURS = Palette(np.unique(np.random.default_rng(2).integers(0, 256, (20, 3), dtype=np.uint8), axis=0).tobytes(), 8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_new_model(tmp_path_factory.mktemp("image") / "model", COLOURS, layers=1, size=16, heads=2)


def test_clusters_from_minus_one_to_one_are_the_palettes_bytes(model: Path) -> None:
    assert palette_of_clusters(model) == COLOURS == palette_of((model / "tokenizer.json").read_bytes())
    assert is_image_model(model)
    assert model_class(model) is ImageGPTForCausalImageModeling


def test_a_model_of_texts_is_none_of_images(tiny_checkpoint: Path) -> None:
    assert not is_image_model(tiny_checkpoint)
    assert model_class(tiny_checkpoint) is AutoModelForCausalLM
    with pytest.raises(ImageError, match=r"is no ImageGPT: its config\.json says 'llama'"):
        palette_of_clusters(tiny_checkpoint)


def test_what_a_hub_has_is_adopted_with_its_tokenizer(model: Path, tmp_path: Path) -> None:
    source = tmp_path / "hub"
    source.mkdir()
    for name in ("config.json", "model.safetensors", "preprocessor_config.json"):
        (source / name).write_bytes((model / name).read_bytes())
    assert adopt(source, tmp_path / "mine") == COLOURS
    assert (tmp_path / "mine" / "tokenizer.json").read_bytes() == COLOURS.tokenizer_json()
    assert (tmp_path / "mine" / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
    with pytest.raises(ImageError, match="exists already"):
        adopt(source, tmp_path / "mine")
    with pytest.raises(ImageError, match="exists already"):
        save_new_model(tmp_path / "mine", COLOURS)


@pytest.mark.parametrize(
    ("clusters", "reason"),
    [
        (None, "has no clusters of three numbers"),
        ("red", "has no clusters of three numbers"),
        ([[0.0, 0.0]] * 20, "has no clusters of three numbers"),
        ([[0.0, 0.0, 2.0]] * 20, "from -1 to 1"),
        ([[0.0, 0.0, 0.5]] * 19, "has 19 colours, its model 21 tokens and 64 positions: they do not belong together"),
    ],
)
def test_a_palette_that_does_not_belong_to_the_model_is_refused(
    model: Path, tmp_path: Path, clusters: object, reason: str
) -> None:
    (tmp_path / "config.json").write_bytes((model / "config.json").read_bytes())
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"clusters": clusters}))
    with pytest.raises(ImageError, match=reason):
        adopt(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pickled_weights_are_not_adopted(model: Path, tmp_path: Path) -> None:
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((model / name).read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ImageError, match="no weights as safetensors; pickled ones are not opened"):
        adopt(tmp_path, tmp_path / "out")


def test_a_completion_is_greedy_and_goes_to_the_last_pixel(model: Path) -> None:
    prompt = tuple(OwnTokens(model).prompt(text_of_tokens(list(range(16)))))
    (written,) = TransformersEngine(model, device="cpu").generate([Prompt(prompt)], Decoding(), new_tokens=48)
    loaded = ImageGPTForCausalImageModeling.from_pretrained(model).eval()
    tokens = list(prompt)
    with torch.inference_mode():
        while len(tokens) < 65:
            tokens.append(int(loaded(torch.tensor([tokens])).logits[0, -1].argmax()))
    assert list(written.token_ids) == tokens[17:]
    assert written.eos_position is None


def test_the_last_pixel_is_predicted_though_it_is_never_read(model: Path) -> None:
    reading = OwnTokens(model).read(text_of_tokens([3] * 64))
    assert (reading.beginning, reading.predicted) == (1, 64)
    (found,) = Predictor(model, device="cpu").predict([reading.token_ids])
    assert found.log_probs.shape == (64,)


def test_palettes_are_of_greys_or_of_a_folders_images(tmp_path: Path) -> None:
    assert greys(3, 8).table.tolist() == [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
    write_digits(tmp_path / "digits", 0, 10)
    exact = colours_of(tmp_path / "digits", 17, 8)
    assert exact == greys(17, 8)
    cut = colours_of(tmp_path / "digits", 4, 8)
    assert 2 <= cut.size <= 4
    with pytest.raises(ImageError, match="1 shades"):
        greys(1, 8)
    with pytest.raises(ImageError, match="no image in"):
        colours_of(tmp_path, 4, 8)
    with pytest.raises(ImageError, match="2 to 256 colours, not 512"):
        colours_of(tmp_path / "digits", 512, 8)
    Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "digits" / "one.png")
    assert colours_of(tmp_path / "digits", 18, 8).size == 18
