"""A continuation in pieces that a page can mark: how repetitive, what stands in the training set, where it is cut."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.analysis.repetition import level, repeated_runs
from app.domain.reference_tokens import ReferenceTokenizer


@dataclass(frozen=True)
class Piece:
    """Neighbouring tokens that look alike."""

    text: str
    level: int
    is_overlap: bool = False
    is_shown: bool = True


@dataclass(frozen=True)
class Overlap:
    """Characters of a continuation that stand in the training set, and what stands around them there."""

    start: int
    stop: int
    tokens: int
    before: str
    text: str
    after: str


def marked(
    reference: ReferenceTokenizer, context: str, continuation: str, *, shown_tokens: int, overlap: Overlap | None = None
) -> list[Piece]:
    """The continuation after its context, token by token in reference tokens; equal neighbours are one piece.

    What lies beyond `shown_tokens` is not part of the scenario.
    """
    spans = list(_spans(reference, context, continuation))
    levels = [level(run) for run in repeated_runs([continuation[start:stop] for start, stop in spans])]
    pieces: list[Piece] = []
    for number, (start, stop) in enumerate(spans):
        inside = overlap is not None and overlap.start <= start and stop <= overlap.stop
        piece = Piece(continuation[start:stop], levels[number], inside, number < shown_tokens)
        if pieces and _looks_like(pieces[-1], piece):
            piece = Piece(pieces.pop().text + piece.text, piece.level, piece.is_overlap, piece.is_shown)
        pieces.append(piece)
    return pieces


def _spans(reference: ReferenceTokenizer, context: str, continuation: str) -> Iterator[tuple[int, int]]:
    """Characters of each token of the continuation; together they are all of it, whatever a tokenizer leaves out."""
    begin = 0
    ends = [end - len(context) for _, end in reference.encode(context + continuation).offsets if end > len(context)]
    for end in [*ends, len(continuation)]:
        if end > begin:
            yield begin, end
            begin = end


def _looks_like(one: Piece, other: Piece) -> bool:
    return (one.level, one.is_overlap, one.is_shown) == (other.level, other.is_overlap, other.is_shown)
