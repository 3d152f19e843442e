"""What both vLLM adapters read: which index an engine blocks by, and which requests want it.

LLM(..., additional_config={"citation_index": folder}, logits_processors=[...])
SamplingParams(..., extra_args={"block_citations": True})
"""

from pathlib import Path
from typing import Any

from generation.citation.index import CitationIndex
from generation.citation.storage import CitationIndexError

INDEX_OPTION = "citation_index"
REQUEST_OPTION = "block_citations"


def wants_blocking(sampling_params: Any) -> bool:
    """Whether a request turned the citation blocker on.

    Raises ValueError for anything but True and False, so that a slip of the pen never leaves a request unblocked.
    """
    options = sampling_params.extra_args or {}
    for name, value in options.items():
        if name == REQUEST_OPTION and not isinstance(value, bool):
            raise ValueError(f"{REQUEST_OPTION} is {value!r}; it has to be True or False.")
        if name != REQUEST_OPTION and "citation" in name.lower():
            raise ValueError(f"There is no option {name}; the citation blocker is turned on by {REQUEST_OPTION}.")
    return bool(options.get(REQUEST_OPTION, False))


def load_configured_index(vllm_config: Any) -> CitationIndex:
    """The index named in the engine's `additional_config`.

    Raises CitationIndexError where none is named, or where it bans tokens that the model does not have.
    """
    folder = vllm_config.additional_config.get(INDEX_OPTION)
    if not folder:
        raise CitationIndexError(f"The citation blocker needs additional_config={{'{INDEX_OPTION}': FOLDER}}.")
    index = CitationIndex.load(Path(folder))
    vocabulary_size = vllm_config.model_config.get_vocab_size()
    if index.vocabulary_size > vocabulary_size:
        raise CitationIndexError(
            f"{folder} bans token {index.vocabulary_size - 1}, but the model has {vocabulary_size} tokens: the index "
            "was built with another tokenizer. Build it with the checkpoint's own."
        )
    return index
