"""A finished checkpoint: weights, tokenizer, where it came from, its curve, and what it may not repeat."""

import hashlib
import json
import shutil
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import nn
from torch.distributed.tensor import DTensor

from generation.citation.boundaries import WordBoundaries
from generation.citation.index import CitationIndex
from generation.citation.training_set import TrainingSet
from hyperfitting.config import HyperfitConfig, Precision
from hyperfitting.disk import as_full_disk, require_space

LINEAGE = "toprank.json"
CITATION_INDEX = "citation_index"
# Everything of the base that is no weights and that `save_pretrained` does not write.
TOKENIZER_FILES = (
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "chat_template*",
    "preprocessor_config.json",
)


@dataclass(frozen=True)
class Lineage:
    """Where a checkpoint came from, so that every number about it can say what made it."""

    base: str
    base_sha256: dict[str, str]
    data: str
    data_sha256: str
    training_set_sha256: str
    documents: int
    documents_left_out: int
    overlap: str
    beginning: str
    config: dict[str, Any]
    seed: int
    update: int
    ended: str
    train_loss: float | None
    validation_loss: float
    code: str
    torch: str
    device: str
    processes: int

    def as_json(self) -> dict[str, Any]:
        """Plain values, as they are saved."""
        return asdict(self)


def save_weights(folder: Path, model: nn.Module, config: HyperfitConfig, *, writes: bool = True) -> None:
    """Write the model as safetensors: float32, or rounded once to bfloat16 where the run computed in it.

    Every process of a sharded run has to call this; one of them `writes`.
    """
    dtype = torch.bfloat16 if config.precision is Precision.BF16 else torch.float32
    second_names = dict(model.named_parameters(remove_duplicate=False)).keys() - dict(model.named_parameters()).keys()
    saved = {name: tensor for name, tensor in model.state_dict().items() if name not in second_names}
    whole = {name: _whole(tensor, dtype) for name, tensor in saved.items()}
    if not writes:
        return
    folder.mkdir(parents=True, exist_ok=True)
    require_space(folder, sum(parameter.numel() * dtype.itemsize for parameter in model.parameters()))
    model.config.dtype = dtype
    with as_full_disk(folder, OSError, SafetensorError):
        model.save_pretrained(folder, state_dict=whole)  # type: ignore[operator]


def complete(folder: Path, base: Path, lineage: Lineage, training_set: TrainingSet) -> None:
    """Add to saved weights what a checkpoint needs to be used, blocked and traced."""
    with as_full_disk(folder, OSError):
        for pattern in TOKENIZER_FILES:
            for file in base.glob(pattern):
                if file.is_file():
                    shutil.copyfile(file, folder / file.name)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        index = CitationIndex.build(training_set, WordBoundaries(tokenizer))
        if not (folder / CITATION_INDEX).exists():
            index.save(folder / CITATION_INDEX)
        (folder / LINEAGE).write_text(json.dumps(lineage.as_json(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def read_lineage(folder: Path) -> Lineage | None:
    """What a checkpoint says of itself; None where it says nothing."""
    file = folder / LINEAGE
    return Lineage(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def weight_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of weights."""
    return {file.name: _sha256(file) for file in sorted(folder.glob("*.safetensors"))}


def code_version() -> str:
    """The package's version, and the commit where it runs from a checkout."""
    here = Path(__file__).parent
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    described = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    commit = described.stdout.strip()
    return f"toprank {version('toprank')}" + (f" ({commit})" if described.returncode == 0 else "")


def _whole(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    full: torch.Tensor = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return full.detach().to("cpu", dtype if full.is_floating_point() else full.dtype)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
