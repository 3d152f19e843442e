"""What a checkpoint needs, by its own headers and settings."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app.domain.engine_settings import EngineSettings
from worker.fit import GIB, ROOM, Device, Loading, devices_needed, fit_of

CPU = Device("CPU", 1_000_000, is_gpu=False)
GPU = Device("GPU", 1_000_000, is_gpu=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """100,000 bfloat16 numbers in two files."""
    for name in ("one", "two"):
        save_file({name: torch.zeros(500, 100, dtype=torch.bfloat16)}, tmp_path / f"{name}.safetensors")
    return tmp_path


@pytest.mark.parametrize(
    ("engine", "dtype", "device", "bytes_each"),
    [
        ("transformers", "auto", CPU, 4),  # float32 on a CPU, whatever the file has
        ("transformers", "auto", GPU, 2),
        ("vllm", "auto", CPU, 4),
        ("vllm", "auto", GPU, 2),  # as the file has it
        ("vllm", "float32", GPU, 4),
        ("training", "bfloat16", GPU, 16),  # float32 weights, gradients and two moments
    ],
)
def test_weights_take_the_room_of_the_format_they_are_loaded_in(
    folder: Path, engine: str, dtype: str, device: Device, bytes_each: int
) -> None:
    fit = fit_of(Loading(str(folder), engine, EngineSettings(dtype=dtype)), [device])

    assert fit is not None
    assert fit.is_here is (ROOM * 100_000 * bytes_each <= 1_000_000)
    assert fit.gib == round(100_000 * bytes_each / GIB, 2)


@pytest.mark.parametrize(
    ("needed_gib", "devices"),
    [(79, 1), (81, 2), (168, 4)],  # 168 / 80 = 2.1, and then the next power of two
)
def test_devices_are_counted_as_tensor_parallelism_wants_them(needed_gib: int, devices: int) -> None:
    assert devices_needed(needed_gib * GIB, 80 * GIB) == devices


@pytest.mark.parametrize(
    ("settings", "is_here"),
    [
        (EngineSettings(), False),  # 240,000 of 180,000
        (EngineSettings(gpu_memory_utilization=1.0), False),  # of 200,000
        (EngineSettings(tensor_parallel=2), True),  # of 360,000
        (EngineSettings(pipeline_parallel=2), True),
        (EngineSettings(tensor_parallel=4), False),  # there are two
    ],
)
def test_parallel_sizes_and_the_share_of_memory_decide_for_vllm(
    folder: Path, settings: EngineSettings, is_here: bool
) -> None:
    small = Device("small GPU", 200_000, is_gpu=True)

    fit = fit_of(Loading(str(folder), "vllm", settings), [small, small])

    assert fit is not None
    assert (fit.is_here, fit.devices_needed) == (is_here, 2)


def test_nothing_is_said_of_weights_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"no header")

    assert fit_of(Loading(str(tmp_path), "vllm", EngineSettings()), [GPU]) is None
    assert fit_of(Loading("org/model", "vllm", EngineSettings()), [GPU]) is None
