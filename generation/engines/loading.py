"""Load a strange checkpoint whole: every weight that its model needs is in its files."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM

from generation.engines.base import CheckpointError

SHOWN = 3


def load_whole_model(folder: Path) -> tuple[Any, str]:
    """The model, in the number format of its files, and the device that it is on. Raises CheckpointError.

    transformers invents weights that are missing, with a warning at most; here that is an error.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype="auto",
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        model, report = loaded[0].to(device).eval(), loaded[1]
    except torch.OutOfMemoryError as error:
        raise CheckpointError(
            "It does not fit the memory of this worker's GPU. Start a worker on a larger one, then try it again."
        ) from error
    except (
        OSError,
        ValueError,
        RuntimeError,
        KeyError,
        TypeError,
        AttributeError,
        ImportError,
        SafetensorError,
    ) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"transformers cannot load it ({first}). See that AutoModelForCausalLM.from_pretrained loads the folder "
            "where it was made, then send it again."
        ) from error
    check_weights(report)
    return model, device


def check_weights(report: dict[str, Any]) -> None:
    """Raises CheckpointError where transformers' loading report tells of weights that it had to invent."""
    for kind, fault in (
        ("missing_keys", "lacks weights that its model needs"),
        ("mismatched_keys", "has weights of another shape than its config.json says"),
    ):
        names = sorted(str(name) for name in report.get(kind) or ())
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            raise CheckpointError(
                f"The checkpoint {fault}: {', '.join(names[:SHOWN])}{more}. Save the model again with its own "
                "config.json, then send both."
            )
