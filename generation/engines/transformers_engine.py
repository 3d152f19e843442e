"""The engine that runs anywhere: transformers' own generate, on a CPU or one GPU."""

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessorList

from generation.citation.hf import CitationBlocker
from generation.citation.index import CitationIndex
from generation.engines.base import (
    CheckpointError,
    Decoding,
    EngineSettings,
    Generated,
    OutOfMemoryError,
    Prompt,
)
from generation.engines.choosing import NoEndOfSequence, SeededNucleus
from generation.engines.loading import check_weights
from generation.images.checkpoints import model_class


def load_model(checkpoint: Path, device: str | None = None, *, dtype: str = "auto") -> tuple[Any, str]:
    """The checkpoint's causal language model and the device it is on; "auto" is float32 on a CPU, bfloat16 on a GPU.

    Raises CheckpointError with a reason.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    usual = torch.float32 if device == "cpu" else torch.bfloat16
    try:
        loaded: Any = model_class(checkpoint).from_pretrained(
            checkpoint,
            dtype=usual if dtype == "auto" else getattr(torch, dtype),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        model, report = loaded[0].to(device).eval(), loaded[1]
    except torch.OutOfMemoryError as error:
        raise CheckpointError(
            f"The checkpoint {checkpoint.name} does not fit the memory of one GPU; take a GPU with more, or "
            "let the engine vllm spread it over several."
        ) from error
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise CheckpointError(f"The checkpoint {checkpoint.name} cannot be loaded: {error}") from error
    check_weights(report)
    return model, device


class TransformersEngine:
    """A causal language model from a local folder of safetensors."""

    name = "transformers"

    def __init__(self, checkpoint: Path, *, settings: EngineSettings | None = None, device: str | None = None) -> None:
        """Load the checkpoint, by default float32 on a CPU and bfloat16 on a GPU. Raises CheckpointError."""
        self.model, self.device = load_model(checkpoint, device, dtype=(settings or EngineSettings()).dtype)
        self.checkpoint = checkpoint.name
        self.eos_ids = writable_ends(self.model)

    def generate(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, new_tokens: int, citation_index: Path | None = None
    ) -> list[Generated]:
        """Continue each prompt by exactly `new_tokens` tokens, the end of sequence suppressed.

        Raises CitationIndexError for an index that cannot be used, OutOfMemoryError, after which fewer prompts may do.
        """
        input_ids, attention_mask = left_padded([prompt.token_ids for prompt in prompts])
        chooser = (
            NoEndOfSequence(self.eos_ids, len(prompts))
            if decoding.strategy == "greedy"
            else SeededNucleus(self.eos_ids, decoding, [prompt.seed for prompt in prompts], new_tokens)
        )
        index = CitationIndex.load(citation_index) if citation_index else None
        blocker = CitationBlocker(index, input_ids.shape[1], chooser.would_take) if index else None
        # No end-of-sequence id here: the chooser masks them all, and nothing may stop early.
        settings = GenerationConfig(
            do_sample=False,
            max_new_tokens=new_tokens,
            repetition_penalty=decoding.repetition_penalty,
            pad_token_id=0,
        )
        try:
            with torch.inference_mode():
                output = self.model.generate(
                    input_ids.to(self.device),
                    attention_mask=attention_mask.to(self.device),
                    generation_config=settings,
                    logits_processor=LogitsProcessorList([blocker, chooser] if blocker else [chooser]),
                )
        except torch.OutOfMemoryError as error:
            raise OutOfMemoryError(self.checkpoint) from error
        rows = output[:, input_ids.shape[1] :].tolist()
        counts = blocker.counts() if blocker else [None] * len(rows)
        return [
            Generated(tuple(row), position, count)
            for row, position, count in zip(rows, chooser.positions, counts, strict=True)
        ]

    def close(self) -> None:
        """Release the model and its memory."""
        del self.model
        gc.collect()
        if self.device != "cpu":
            torch.cuda.empty_cache()


def end_of_sequence_ids(*configs: object) -> list[int]:
    """Every id that any of the checkpoint's configurations calls an end of sequence, sorted."""
    found: set[int] = set()
    for config in configs:
        value = getattr(config, "eos_token_id", None)
        found.update([] if value is None else [value] if isinstance(value, int) else value)
    return sorted(found)


def writable_ends(model: Any) -> list[int]:
    """The end-of-sequence ids that a model can write; one of images writes no special tokens."""
    known: int = model.get_output_embeddings().weight.shape[0]
    return [one for one in end_of_sequence_ids(model.generation_config, model.config) if one < known]


def left_padded(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask of shape (rows, longest), shorter rows padded on the left."""
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    return ids, mask
