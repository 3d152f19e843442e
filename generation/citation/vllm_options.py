"""What both vLLM adapters read: by which index a request's citations are blocked.

LLM(..., logits_processors=[...])
SamplingParams(..., extra_args={"citation_index": "/absolute/folder"})
"""

from pathlib import Path
from typing import Any

from generation.citation.index import CitationIndex
from generation.citation.storage import DESCRIPTION, CitationIndexError

REQUEST_OPTION = "citation_index"


def requested_index(sampling_params: Any) -> Path | None:
    """The folder of the index by which a request is blocked; None where it names none.

    Raises ValueError for what names no index, so that a slip of the pen never leaves a request unblocked.
    """
    options = sampling_params.extra_args or {}
    for name in options:
        if name != REQUEST_OPTION and "citation" in name.lower():
            raise ValueError(f"There is no option {name}; citations are blocked by {REQUEST_OPTION}.")
    if REQUEST_OPTION not in options:
        return None
    folder = options[REQUEST_OPTION]
    if not isinstance(folder, str) or not Path(folder).is_absolute() or not (Path(folder) / DESCRIPTION).is_file():
        raise ValueError(f"{REQUEST_OPTION} is {folder!r}; it has to be the absolute path of a citation index.")
    return Path(folder)


def load_index(folder: Path, vocabulary_size: int) -> CitationIndex:
    """An index for a model of so many tokens. Raises CitationIndexError where it bans tokens that there are not."""
    index = CitationIndex.load(folder)
    if index.vocabulary_size > vocabulary_size:
        raise CitationIndexError(
            f"{folder} bans token {index.vocabulary_size - 1}, but the model has {vocabulary_size} tokens: the index "
            "was built with another tokenizer. Build it with the checkpoint's own."
        )
    return index
