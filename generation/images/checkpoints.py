"""ImageGPT checkpoints as everything here takes them: safetensors, with a tokenizer.json that names the palette."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from app.domain.images import ImageError, Palette

MODEL_TYPE = "imagegpt"
CLUSTERS = "preprocessor_config.json"
COPIED = ("config.json", "generation_config.json", CLUSTERS, "*.safetensors", "model.safetensors.index.json")


def is_image_model(checkpoint: Path) -> bool:
    """Whether the checkpoint's config.json says that it is an ImageGPT."""
    return _read_json(checkpoint / "config.json").get("model_type") == MODEL_TYPE


def model_class(checkpoint: Path) -> Any:
    """What loads the checkpoint: transformers' causal language model, or ImageGPT, which it counts among others."""
    from transformers import AutoModelForCausalLM, ImageGPTForCausalImageModeling

    return ImageGPTForCausalImageModeling if is_image_model(checkpoint) else AutoModelForCausalLM


def palette_of_clusters(checkpoint: Path) -> Palette:
    """The palette of an ImageGPT as its hub id has it: colours from -1 to 1. Raises ImageError."""
    config = _read_json(checkpoint / "config.json")
    clusters = _read_json(checkpoint / CLUSTERS).get("clusters")
    if config.get("model_type") != MODEL_TYPE:
        raise ImageError(f"{checkpoint} is no ImageGPT: its config.json says {config.get('model_type')!r}.")
    try:
        colours = np.asarray(clusters, dtype=np.float64)
    except (TypeError, ValueError):
        colours = np.empty(0)
    if colours.ndim != 2 or colours.shape[1:] != (3,) or not (np.abs(colours) <= 1).all():
        raise ImageError(f"{CLUSTERS} of {checkpoint.name} has no clusters of three numbers from -1 to 1 each.")
    width = int(config.get("n_positions", 0) ** 0.5)
    if config.get("vocab_size") != len(colours) + 1 or width * width != config.get("n_positions"):
        raise ImageError(
            f"The palette of {checkpoint.name} has {len(colours)} colours, its model {config.get('vocab_size')} tokens "
            f"and {config.get('n_positions')} positions: they do not belong together."
        )
    return Palette(np.rint((colours + 1) * 127.5).astype(np.uint8).tobytes(), width)


def adopt(source: Path, out: Path) -> Palette:
    """Copy an ImageGPT to a folder of its own, with the tokenizer.json that it lacks; all of it or nothing.

    Raises ImageError.
    """
    palette = palette_of_clusters(source)
    if not list(source.glob("*.safetensors")):
        raise ImageError(f"{source} has no weights as safetensors; pickled ones are not opened here.")
    if out.exists():
        raise ImageError(f"{out} exists already; choose another --out.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        made = Path(scratch) / out.name
        made.mkdir()
        for pattern in COPIED:
            for file in source.glob(pattern):
                shutil.copyfile(file, made / file.name)
        (made / "tokenizer.json").write_bytes(palette.tokenizer_json())
        made.rename(out)
    return palette


def save_new_model(
    out: Path, palette: Palette, *, layers: int = 4, size: int = 64, heads: int = 4, seed: int = 0
) -> Path:
    """A small ImageGPT that has learnt nothing yet, to be trained from the start. Raises ImageError."""
    import torch
    from transformers import ImageGPTConfig, ImageGPTForCausalImageModeling

    if out.exists():
        raise ImageError(f"{out} exists already; choose another --out.")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = ImageGPTConfig(
            vocab_size=palette.size + 1,
            n_positions=palette.pixels,
            n_embd=size,
            n_layer=layers,
            n_head=heads,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=palette.size,
            eos_token_id=None,
        )
        ImageGPTForCausalImageModeling(config).save_pretrained(out)
    clusters = (palette.table / 127.5 - 1).tolist()
    (out / CLUSTERS).write_text(json.dumps({"clusters": clusters}), encoding="utf-8")
    (out / "tokenizer.json").write_bytes(palette.tokenizer_json())
    return out


def _read_json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # who loads the checkpoint says what is wrong with it
    return found if isinstance(found, dict) else {}
