"""Figure 5 left: how often two checkpoints would choose the same next token."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Column, Exhibit, Kind
from app.analysis.kept import Kept
from app.analysis.reported import REPORTED
from app.domain.scores import TopChoices, top_choices
from metrics.plots.heatmap import heatmap
from metrics.sharpness import NO_CHOICE, same_choice_matrix
from metrics.signature import Signature

_SCORES_STATE = text("""
SELECT concat_ws('.', count(*), max(r.id), sum(hashtext(r.tokenizer_sha256 || r.nll)::bigint), (
    SELECT md5(string_agg(p.id::text, ',' ORDER BY p.id)) FROM passage p
    WHERE p.study_id = :study AND p.state = 'accepted' AND NOT p.unjudged))
FROM score r WHERE r.study_id = :study
""")
_similar: Kept[tuple[list[str], NDArray[np.float64]]] = Kept(16)


def figure_5_left(evidence: Evidence) -> Exhibit:
    """How often two checkpoints have the same likeliest token, over all positions of the passages."""
    state = evidence.session.execute(_SCORES_STATE, {"study": evidence.study.id}).scalar_one()
    names, matrix = _similar.get(
        (evidence.study.id, state), lambda: same_first_choice(top_choices(evidence.session, evidence.study))
    )
    pairs = len(names) > 1
    return Exhibit(
        key="figure-5-left",
        name="Figure 5, left",
        title=_least_alike(names, matrix) if pairs else "Too few checkpoints to compare",
        caption="Share of positions where two checkpoints would choose the same next token. Empty where their "
        "tokenizers differ.",
        columns=(Column("checkpoint", "Checkpoint"), *(Column(name, name, Kind.SHARE) for name in names)),
        rows=tuple(
            (name, *(None if np.isnan(value) else float(value) for value in row))
            for name, row in zip(names, matrix, strict=True)
        )
        if pairs
        else (),
        signatures=(
            str(Signature("same first choice", "equal likeliest tokens / positions", n=len(names), unit="checkpoints")),
        ),
        reported=REPORTED["figure-5-left"],
        missing=None
        if pairs
        else "Two checkpoints have to read the passages first, by the study’s page or `toprank score`.",
        draw=(lambda theme: heatmap(matrix, names, names, unit="% same first choice", theme=theme)) if pairs else None,
    )


def same_first_choice(choices: list[TopChoices]) -> tuple[list[str], NDArray[np.float64]]:
    """Names, and the share of positions with equal choices for each pair, NaN where nothing can be compared."""
    matrix = np.full((len(choices), len(choices)), np.nan)
    for tokenizer in {one.tokenizer_sha256 for one in choices}:
        alike = [at for at, one in enumerate(choices) if one.tokenizer_sha256 == tokenizer]
        matrix[np.ix_(alike, alike)] = same_choice_matrix(_aligned([choices[at].by_passage for at in alike]))
    np.fill_diagonal(matrix, 1.0)
    return [one.checkpoint for one in choices], matrix


def _aligned(choices: list[dict[int, list[int]]]) -> list[NDArray[np.int64]]:
    """The choices of each checkpoint in one row over all passages, equally long."""
    lengths: dict[int, int] = {}
    for by_passage in choices:
        for passage, row in by_passage.items():
            lengths[passage] = max(lengths.get(passage, 0), len(row))
    return [
        np.array([token for passage in lengths for token in _filled(by_passage.get(passage, []), lengths[passage])])
        for by_passage in choices
    ]


def _filled(row: list[int], length: int) -> list[int]:
    # some have predicted the first token too: the ends are aligned
    return [NO_CHOICE] * (length - len(row)) + row


def _least_alike(names: list[str], matrix: NDArray[np.float64]) -> str:
    pairs = [(matrix[at, other], names[at], names[other]) for at, other in combinations(range(len(names)), 2)]
    known = [pair for pair in pairs if not np.isnan(pair[0])]
    if not known:
        return "No two checkpoints share a tokenizer"
    share, one, other = min(known)
    return f"{one} and {other} differ most: {100 * (1 - share):.0f} % of their first choices"
