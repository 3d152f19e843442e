"""The base model as a run trains it: float32 weights, every parameter, no dropout."""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig
from transformers.utils import logging

from app.domain.reference_tokens import PASSAGE_TOKENS
from generation.engines.base import CheckpointError
from generation.images.checkpoints import MODEL_TYPE, model_class
from hyperfitting.config import ConfigError, HyperfitConfig


def check_base(base: Path, config: HyperfitConfig) -> None:
    """Raise what `load_model` would, as far as it shows without reading the weights."""
    try:
        check_window(AutoConfig.from_pretrained(base, local_files_only=True, trust_remote_code=False), config)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"The checkpoint {base.name} cannot be loaded: {error}") from error


def load_model(base: Path, config: HyperfitConfig) -> nn.Module:
    """The base checkpoint, ready to train. Raises CheckpointError, or ConfigError for sequences that do not fit."""
    logging.disable_progress_bar()  # the run has its own
    try:
        described = AutoConfig.from_pretrained(base, local_files_only=True, trust_remote_code=False)
        check_window(described, config)
        _without_dropout(described)
        model = model_class(base).from_pretrained(
            base,
            config=described,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise CheckpointError(f"The checkpoint {base.name} cannot be loaded: {error}") from error
    if config.gradient_checkpointing:
        # the method's new name, and what transformers before 5.20 call it
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
    module: nn.Module = model
    return module.train()


def check_window(described: Any, config: HyperfitConfig) -> None:
    """Raise ConfigError where the model's context window is shorter than what the run puts into it."""
    window = getattr(described, "max_position_embeddings", None) or getattr(described, "n_positions", None)
    if window is None:
        return
    if getattr(described, "model_type", None) == MODEL_TYPE:
        _check_image(window, config)
        return
    if window < config.length:
        raise ConfigError(
            f"The model's context window has {window} tokens, the sequences {config.length}: use --length {window} "
            "or less."
        )
    if config.contexts and window < PASSAGE_TOKENS:
        raise ConfigError(
            f"The model's context window has {window} tokens, too few for a context of 32 and the 224 that are "
            "generated to watch repetition: use --contexts 0."
        )


def _check_image(window: int, config: HyperfitConfig) -> None:
    """An image is a sequence by itself, after the token that begins it; its last pixel is predicted, never read."""
    if config.length != window + 1:
        raise ConfigError(
            f"An image of this model has {window} pixels: use --length {window + 1}, which counts the token that "
            "begins it."
        )


def _without_dropout(described: Any) -> None:
    """Every rate of dropout that the configuration names is 0 in training too."""
    for name in vars(described):
        if "dropout" in name or name.endswith("_pdrop"):
            setattr(described, name, 0.0)
