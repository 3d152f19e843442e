"""Whether a checkpoint fits the devices of a machine, loaded as its settings say."""

import math
from dataclasses import dataclass
from pathlib import Path

from app.domain.engine_settings import EngineSettings
from app.domain.safetensors_header import DTYPES, HeaderError, Tensor, read_header
from generation.checkpoint_folder import folder_here

# Room beside the weights for what a model computes and remembers.
ROOM = 1.2
# Weights, gradients and Adam's two moments, each float32.
TRAINING_BYTES = 16
WIDTHS = {"float32": 4, "bfloat16": 2, "float16": 2}
GIB = 2**30


@dataclass(frozen=True)
class Device:
    """Something that models run on, and its memory in bytes."""

    name: str
    memory: int
    is_gpu: bool


@dataclass(frozen=True)
class Loading:
    """Which weights are loaded by what: transformers, vllm, or training."""

    source: str
    engine: str
    settings: EngineSettings

    @property
    def splits(self) -> bool:
        """Whether the settings' parallel sizes count: vLLM alone spreads a model over devices here."""
        return self.engine == "vllm"

    @property
    def devices_here(self) -> int:
        """Devices of this machine that the settings ask for."""
        return self.settings.tensor_parallel if self.splits else 1

    @property
    def nodes(self) -> int:
        """Machines that the settings ask for."""
        return self.settings.pipeline_parallel if self.splits else 1


@dataclass(frozen=True)
class Fit:
    """What loading needs, and whether it is here.

    `gib` is what all devices together hold; `devices_needed` how many like these would do, a power of two as tensor
    parallelism wants it; `devices` on each of `nodes` machines is what the settings ask for.
    """

    gib: float
    devices_needed: int
    devices: int
    nodes: int
    has_devices: bool
    has_memory: bool

    @property
    def is_here(self) -> bool:
        """Whether a worker here can do it, together with the other nodes where there are several."""
        return self.has_devices and self.has_memory


def fit_of(loading: Loading, devices: list[Device]) -> Fit | None:
    """None where the weights are not in a folder of this machine, or are none that can be read."""
    tensors = _tensors(folder_here(loading.source))
    if not tensors:
        return None
    needed = ROOM * _bytes(tensors, loading, devices[0])
    usable = devices[0].memory * _usable_share(loading, devices[0])
    return Fit(
        gib=round(needed / ROOM / GIB, 2),
        devices_needed=devices_needed(needed, usable),
        devices=loading.devices_here,
        nodes=loading.nodes,
        has_devices=loading.devices_here <= len(devices),
        has_memory=needed <= usable * loading.devices_here * loading.nodes,
    )


def devices_needed(needed: float, usable: float) -> int:
    """How many devices of this usable memory hold so many bytes: a power of two.

    >>> devices_needed(18 * GIB, 80 * GIB), devices_needed(168 * GIB, 80 * GIB)
    (1, 4)
    """
    return 1 << max(0, math.ceil(math.log2(needed / usable)))


def _tensors(folder: Path) -> list[Tensor]:
    found: list[Tensor] = []
    for file in folder.glob("*.safetensors"):
        try:
            with file.open("rb") as stream:
                found += read_header(stream, file.stat().st_size).values()
        except (OSError, HeaderError):
            return []  # whoever loads it says what is wrong
    return found


def _bytes(tensors: list[Tensor], loading: Loading, device: Device) -> float:
    """Of the weights in the format that they are loaded in; of everything that training keeps."""
    numbers = sum(math.prod(tensor.shape) for tensor in tensors)
    if loading.engine == "training":
        return numbers * TRAINING_BYTES
    dtype = loading.settings.dtype
    if dtype == "auto" and not device.is_gpu:
        dtype = "float32"
    elif dtype == "auto" and loading.engine == "transformers":
        dtype = "bfloat16"
    if dtype == "auto":
        return sum(math.prod(tensor.shape) * DTYPES[tensor.dtype] / 8 for tensor in tensors)
    return numbers * WIDTHS[dtype]


def _usable_share(loading: Loading, device: Device) -> float:
    return loading.settings.gpu_memory_utilization if loading.splits and device.is_gpu else 1.0
