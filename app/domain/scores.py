"""What checkpoints predict over a study's passages: the numbers of Tables 1, 3 and 6, and of Figures 4 and 5.

Everything is over accepted passages that are judged. A perplexity is exp(summed NLL / predicted tokens) over contexts;
what stands before the first token is the checkpoint's own affair, and said beside the number.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session, undefer

from app.domain.reference_tokens import ReferenceTokenizer
from app.errors import NotFoundError
from app.models import ReferenceTokens, Score, Study
from metrics.sharpness import bits_per_byte, mean_perplexity, perplexity, pool_sharpness


@dataclass(frozen=True)
class ScoreSummary:
    """One checkpoint on one dataset, or on all of the study's passages where `dataset` is None.

    `perplexity` is pooled over the tokens of all contexts, `mean_perplexity` the mean of theirs; `bits_per_byte` is of
    the contexts too and comparable across tokenizers. Entropy (nats) and masses are means over the predicted positions
    of whole passages. `beginning` counts the special tokens before a text: without one, nothing predicts the first.
    """

    checkpoint: str
    dataset: str | None
    passages: int
    perplexity: float
    mean_perplexity: float
    bits_per_byte: float
    entropy: float
    top1_mass: float
    top3_mass: float
    top5_mass: float
    passage_perplexity: float
    beginning: int
    tokenizer_sha256: str
    precision: str


@dataclass(frozen=True)
class TopChoices:
    """The likeliest token at each predicted position, by passage; only checkpoints of one tokenizer compare."""

    checkpoint: str
    tokenizer_sha256: str
    by_passage: dict[int, list[int]]


@dataclass(frozen=True)
class Alternative:
    """A token that could have come, as text, and its probability."""

    text: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """One token of a passage: its text, how probable the checkpoint found it, and the likeliest, best first."""

    text: str
    probability: float
    entropy: float
    alternatives: list[Alternative]


_JUDGED = """
FROM score r JOIN passage p ON p.id = r.passage_id JOIN checkpoint c ON c.id = r.checkpoint_id
JOIN dataset d ON d.id = p.dataset_id
WHERE r.study_id = :study AND p.state = 'accepted' AND NOT p.unjudged
"""
_SUMS = text(f"""
SELECT c.name AS checkpoint, d.name AS dataset, r.context_nll, r.context_predicted, r.context_bytes, r.nll, r.predicted,
       r.entropy, r.top1_mass, r.top3_mass, r.top5_mass, r.beginning, r.tokenizer_sha256, r.precision
{_JUDGED}
ORDER BY c.id, d.id, r.passage_id
""")
_TOP_CHOICES = text(f"""
SELECT c.name, r.tokenizer_sha256, r.passage_id, r.top_ids[:][1:1] AS likeliest
{_JUDGED}
ORDER BY c.id, r.passage_id
""")
_FULL_SCORE = (
    select(Score)
    .where(Score.checkpoint_id == bindparam("checkpoint"), Score.passage_id == bindparam("passage"))
    .options(undefer(Score.log_probs), undefer(Score.entropies), undefer(Score.top_ids), undefer(Score.top_probs))
)


def score_summaries(session: Session, study: Study) -> list[ScoreSummary]:
    """Each scored checkpoint on each dataset, then on all; checkpoints in the order they were added."""
    return summaries_of(session.execute(_SUMS, {"study": study.id}))


def summaries_of(rows: Iterable[Any]) -> list[ScoreSummary]:
    """The same from rows by checkpoint and dataset, each with a passage's sums under the names of `Score`."""
    summaries = []
    for checkpoint, of_checkpoint in groupby(rows, key=attrgetter("checkpoint")):
        every = list(of_checkpoint)
        for dataset, of_dataset in groupby(every, key=attrgetter("dataset")):
            summaries.append(_pooled(checkpoint, dataset, list(of_dataset)))
        summaries.append(_pooled(checkpoint, None, every))
    return summaries


def _pooled(checkpoint: str, dataset: str | None, rows: list[Any]) -> ScoreSummary:
    contexts = [row.context_nll for row in rows], [row.context_predicted for row in rows]
    predicted = [row.predicted for row in rows]
    # kept as means over a passage's positions, pooled as sums
    masses = {k: [getattr(row, f"top{k}_mass") * row.predicted for row in rows] for k in (1, 3, 5)}
    entropies = [row.entropy * row.predicted for row in rows]
    passages = pool_sharpness([row.nll for row in rows], entropies, masses, predicted)
    return ScoreSummary(
        checkpoint,
        dataset,
        passages=len(rows),
        perplexity=perplexity(*contexts),
        mean_perplexity=mean_perplexity(*contexts),
        bits_per_byte=bits_per_byte(contexts[0], [row.context_bytes for row in rows]),
        entropy=passages.entropy,
        top1_mass=passages.masses[1],
        top3_mass=passages.masses[3],
        top5_mass=passages.masses[5],
        passage_perplexity=passages.perplexity,
        beginning=max(row.beginning for row in rows),
        tokenizer_sha256=max(row.tokenizer_sha256 for row in rows),
        precision=", ".join(sorted({row.precision for row in rows})),
    )


def top_choices(session: Session, study: Study) -> list[TopChoices]:
    """What each scored checkpoint would have chosen, greedily, at each position of each passage."""
    found: dict[str, TopChoices] = {}
    for name, tokenizer, passage_id, likeliest in session.execute(_TOP_CHOICES, {"study": study.id}):
        choices = found.setdefault(name, TopChoices(name, tokenizer, {}))
        choices.by_passage[passage_id] = [row[0] for row in likeliest]
    return list(found.values())


def predictions(
    session: Session, *, checkpoint_id: int, passage_id: int, first: int = 0, last: int | None = None
) -> list[Prediction]:
    """What a checkpoint predicted for the passage's predicted tokens `first` to `last` (exclusive), as texts.

    Raises NotFoundError while the checkpoint has not scored the passage.
    """
    score = session.scalar(_FULL_SCORE, {"checkpoint": checkpoint_id, "passage": passage_id})
    if score is None:
        raise NotFoundError("This checkpoint has not scored this passage yet; run `toprank score` for the study.")
    kept = session.get_one(ReferenceTokens, score.tokenizer_sha256)
    tokenizer = ReferenceTokenizer(kept.tokenizer_json)
    return [_prediction(score, tokenizer, at) for at in range(*slice(first, last).indices(score.predicted))]


def _prediction(score: Score, tokenizer: ReferenceTokenizer, position: int) -> Prediction:
    before = score.token_ids[: len(score.token_ids) - score.predicted + position]

    def text_of(token_id: int) -> str:
        said = tokenizer.text_after(before, [token_id])
        return tokenizer.palette.colour_names(said) if tokenizer.palette else said

    alternatives = zip(score.top_ids[position], score.top_probs[position], strict=True)
    return Prediction(
        text=text_of(score.token_ids[len(before)]),
        probability=math.exp(score.log_probs[position]),
        entropy=score.entropies[position],
        alternatives=[Alternative(text_of(token_id), probability) for token_id, probability in alternatives],
    )
