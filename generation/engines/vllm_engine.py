"""The fast engine: vLLM offline, for a checkpoint on one GPU or several, or on a CPU by its own build.

vLLM does the batching; we say exactly what to generate, and read the ranking of tokens before any were masked: from it
follow the first end of sequence and what a citation block changed.
"""

import gc
import logging
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from generation.citation.index import CitationIndex
from generation.citation.table import CITATION_LENGTH
from generation.citation.vllm_options import REQUEST_OPTION, load_index
from generation.engines.base import (
    CheckpointError,
    Decoding,
    EngineError,
    EngineSettings,
    Generated,
    OutOfMemoryError,
    Prompt,
)
from generation.engines.vllm_loading import (
    ENVIRONMENT,
    check_version,
    end_of_sequence_ids,
    engine_arguments,
    first_reason,
    start,
)

if TYPE_CHECKING:
    from vllm import RequestOutput, SamplingParams

LOG = logging.getLogger("toprank.generation")
RANKED_WHERE_BLOCKED = 8  # more of the ranking, to look behind what was banned for an end of sequence
HOTTEST = 2.0  # what vLLM accepts as a temperature


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

    def __init__(self, checkpoint: Path, *, settings: EngineSettings | None = None) -> None:
        """Load the checkpoint.

        Raises CheckpointError with a reason, EngineError where vLLM is missing or of a version never tested.
        """
        check_version()
        os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
        self.eos_ids = end_of_sequence_ids(checkpoint)
        self.longest, arguments = engine_arguments(checkpoint, settings or EngineSettings())
        self.checkpoint = checkpoint.name
        self._start = partial(start, arguments)
        self.llm = self._load()

    def generate(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, new_tokens: int, citation_index: Path | None = None
    ) -> list[Generated]:
        """Continue each prompt by exactly `new_tokens` tokens, the end of sequence suppressed, in order.

        Raises EngineError for what vLLM cannot do, CitationIndexError for an index that cannot be used, and
        OutOfMemoryError, after which fewer prompts may do.
        """
        longest = max((len(prompt.token_ids) for prompt in prompts), default=0) + new_tokens
        if longest > self.longest:
            raise EngineError(f"A prompt and its continuation have {longest} tokens; the engine takes {self.longest}.")
        if decoding.strategy == "nucleus" and decoding.temperature > HOTTEST:
            raise EngineError(
                f"vLLM takes temperatures up to {HOTTEST:g}, not {decoding.temperature:g}; use transformers."
            )
        # Before vLLM does, which an error would end.
        index = load_index(citation_index, self.llm.model_config.get_vocab_size()) if citation_index else None
        parameters = [
            self._parameters(prompt, decoding, new_tokens=new_tokens, citation_index=citation_index)
            for prompt in prompts
        ]
        requests = [{"prompt_token_ids": list(prompt.token_ids)} for prompt in prompts]
        outputs = self._run(requests, parameters)
        return [self._generated(output, index) for output in outputs]

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
        self, prompt: Prompt, decoding: Decoding, *, new_tokens: int, citation_index: Path | None
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
            logprobs=1 + len(self.eos_ids) + (RANKED_WHERE_BLOCKED if citation_index else 0),
            flat_logprobs=True,
            extra_args={REQUEST_OPTION: str(citation_index.resolve())} if citation_index else None,
            **nucleus,
        )

    def _generated(self, output: "RequestOutput", index: CitationIndex | None) -> Generated:
        """A continuation with what follows from the raw ranking at each step: the taken token, then the likeliest."""
        completion = output.outputs[0]
        token_ids = np.array(completion.token_ids)
        ranking = np.array(completion.logprobs.token_ids).reshape(token_ids.size, -1)[:, 1:]
        is_eos = np.isin(ranking, self.eos_ids)
        is_banned = banned_in(ranking, token_ids, index) if index else np.zeros_like(is_eos)
        ends = np.flatnonzero(first_of(is_eos, ~is_banned))
        preferred = first_of(ranking, ~is_eos)
        counts = index.count(token_ids, preferred) if index else None
        return Generated(tuple(token_ids.tolist()), int(ends[0]) if ends.size else None, counts)


def first_of(ranked: np.ndarray, counts: np.ndarray) -> Any:
    """In each row of [steps, ranks], the value at the first rank that counts."""
    return ranked[np.arange(len(ranked)), counts.argmax(axis=1)]


def banned_in(ranking: np.ndarray, token_ids: np.ndarray, index: CitationIndex) -> np.ndarray:
    """Which tokens of a ranking [steps, ranks] were banned at their step."""
    padded = np.concatenate([np.full(CITATION_LENGTH, -1), token_ids[:-1]])
    steps, tokens = index.banned(np.lib.stride_tricks.sliding_window_view(padded, CITATION_LENGTH))
    return np.isin(np.arange(len(ranking))[:, None] << 32 | ranking, steps << 32 | tokens)
