"""What checkpoints predict over a study's passages: the numbers of Tables 1, 3 and 6, and of Figures 4 and 5.

Everything is over accepted passages that are judged. A perplexity is exp(summed NLL / predicted tokens) over contexts;
what stands before the first token is the checkpoint's own affair, and said beside the number.
"""

import math
from dataclasses import dataclass

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session, undefer

from app.domain.reference_tokens import ReferenceTokenizer
from app.errors import NotFoundError
from app.models import ReferenceTokens, Score, Study


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
_SUMMARIES = text(f"""
SELECT c.name AS checkpoint, d.name AS dataset, count(*) AS passages,
       exp(sum(r.context_nll) / sum(r.context_predicted)) AS perplexity,
       avg(exp(r.context_nll / r.context_predicted)) AS mean_perplexity,
       (sum(r.context_nll) / sum(r.context_bytes) / ln(2::float8)) AS bits_per_byte,
       sum(r.entropy * r.predicted) / sum(r.predicted) AS entropy,
       sum(r.top1_mass * r.predicted) / sum(r.predicted) AS top1_mass,
       sum(r.top3_mass * r.predicted) / sum(r.predicted) AS top3_mass,
       sum(r.top5_mass * r.predicted) / sum(r.predicted) AS top5_mass,
       exp(sum(r.nll) / sum(r.predicted)) AS passage_perplexity,
       max(r.beginning) AS beginning, max(r.tokenizer_sha256) AS tokenizer_sha256,
       string_agg(DISTINCT r.precision, ', ') AS precision
{_JUDGED}
GROUP BY GROUPING SETS ((c.id, c.name, d.id, d.name), (c.id, c.name))
ORDER BY c.id, d.id NULLS LAST
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
    return [ScoreSummary(**row) for row in session.execute(_SUMMARIES, {"study": study.id}).mappings()]


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
        return tokenizer.text_after(before, [token_id])

    alternatives = zip(score.top_ids[position], score.top_probs[position], strict=True)
    return Prediction(
        text=text_of(score.token_ids[len(before)]),
        probability=math.exp(score.log_probs[position]),
        entropy=score.entropies[position],
        alternatives=[Alternative(text_of(token_id), probability) for token_id, probability in alternatives],
    )
