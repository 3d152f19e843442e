"""Table 3 and Figure 4: how sharp the predictions of the checkpoints are."""

from matplotlib.figure import Figure
from sqlalchemy import text

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Column, Drawing, Exhibit, Kind
from app.analysis.reported import REPORTED
from app.domain.scores import ScoreSummary, predictions
from metrics.plots.ranges import Panel, Range, ranges
from metrics.plots.style import Theme
from metrics.plots.tokens import token_probabilities
from metrics.signature import Signature

NOT_SCORED = "No checkpoint has read the passages yet; run `toprank score` for the study."
# How many tokens of a text Figure 4 can show with their names.
FIGURE_4_TOKENS = 24

_TABLE_3 = (
    Column("checkpoint", "Checkpoint"),
    Column("entropy", "Entropy (nats)", Kind.NUMBER, digits=2),
    Column("top1_mass", "Top-1 mass", Kind.SHARE),
    Column("top3_mass", "Top-3 mass", Kind.SHARE),
    Column("top5_mass", "Top-5 mass", Kind.SHARE),
    Column("perplexity", "Perplexity, contexts", Kind.NUMBER),
    Column("passage_perplexity", "Perplexity, passages", Kind.NUMBER),
    Column("bits_per_byte", "Bits per byte", Kind.NUMBER, digits=3),
    Column("passages", "n", Kind.COUNT),
)
_SCORED = text("""
SELECT r.passage_id, r.checkpoint_id, k.name, r.tokenizer_sha256, r.context_predicted, r.predicted
FROM score r JOIN checkpoint k ON k.id = r.checkpoint_id
WHERE r.study_id = :study AND r.passage_id = coalesce(:passage, (
    SELECT passage_id FROM score WHERE study_id = :study
    GROUP BY passage_id ORDER BY count(*) DESC, passage_id LIMIT 1))
ORDER BY r.checkpoint_id
""")


def table_3(evidence: Evidence) -> Exhibit:
    """Checkpoints: entropy and top-k mass of their predictions over the passages."""
    scores = list(evidence.scores.values())
    return Exhibit(
        key="table-3",
        name="Table 3",
        title=_sharpest(scores),
        caption="How sharp the predictions are, on average over each position of the passages.",
        columns=_TABLE_3,
        rows=tuple(tuple(getattr(score, column.key) for column in _TABLE_3) for score in scores),
        signatures=tuple(
            str(
                Signature(
                    f"entropy and masses of {score.checkpoint}",
                    f"teacher-forced, {score.precision}, {score.beginning} special tokens before the text",
                    n=score.passages,
                    unit="passages",
                    tokenizer=score.tokenizer_sha256[:12],
                )
            )
            for score in scores
        ),
        reported=REPORTED["table-3"],
        missing=None if scores else NOT_SCORED,
        draw=_masses(scores) if scores else None,
    )


def figure_4(evidence: Evidence) -> Exhibit:
    """The probability that each checkpoint gives to each token of one text as it came."""
    scored = evidence.session.execute(_SCORED, {"study": evidence.study.id, "passage": evidence.chosen_passage}).all()
    alike = [row for row in scored if row.tokenizer_sha256 == scored[0].tokenizer_sha256]
    probabilities: dict[str, list[float]] = {}
    tokens: list[str] = []
    for row in alike:
        last = min(row.context_predicted + FIGURE_4_TOKENS, row.predicted)
        predicted = predictions(
            evidence.session,
            checkpoint_id=row.checkpoint_id,
            passage_id=row.passage_id,
            first=row.context_predicted,
            last=last,
        )
        tokens = [one.text for one in predicted]
        probabilities[row.name] = [one.probability for one in predicted]
    names = list(probabilities)
    return Exhibit(
        key="figure-4",
        name="Figure 4",
        title=_surprise(tokens, probabilities),
        caption="The first tokens of an original after its context: how probable each checkpoint found the token that "
        "came.",
        columns=(Column("token", "Token"), *(Column(name, name, Kind.SHARE) for name in names)),
        rows=tuple((token, *(probabilities[name][at] for name in names)) for at, token in enumerate(tokens)),
        signatures=(
            str(
                Signature("probability", f"teacher-forced; passage {alike[0].passage_id}", n=len(tokens), unit="tokens")
            ),
        )
        if alike
        else (),
        notes=("Checkpoints of another tokenizer are left out: their tokens are others.",)
        if len(alike) < len(scored)
        else (),
        missing=None if tokens else NOT_SCORED,
        draw=(lambda theme: token_probabilities(tokens, probabilities, theme=theme)) if tokens else None,
    )


def _masses(scores: list[ScoreSummary]) -> Drawing:
    names = [score.checkpoint for score in scores]

    def draw(theme: Theme) -> Figure:
        masses = {
            "top-1": [Range(score.top1_mass) for score in scores],
            "top-3": [Range(score.top3_mass) for score in scores],
            "top-5": [Range(score.top5_mass) for score in scores],
        }
        panels = [
            Panel("probability mass", masses),
            Panel("entropy (nats)", {"": [Range(one.entropy) for one in scores]}),
        ]
        return ranges(names, panels, unit="mean over positions", theme=theme)

    return draw


def _sharpest(scores: list[ScoreSummary]) -> str:
    if not scores:
        return "Nothing is scored yet"
    best = min(scores, key=lambda score: score.entropy)
    return f"{best.checkpoint} is sharpest: entropy {best.entropy:.2f}, {100 * best.top1_mass:.0f} % on one token"


def _surprise(tokens: list[str], probabilities: dict[str, list[float]]) -> str:
    if not tokens:
        return "Nothing is scored yet"
    high = {name: sum(value > 0.9 for value in values) for name, values in probabilities.items()}
    name = max(high, key=high.__getitem__)
    return f"{name} gives {high[name]} of {len(tokens)} tokens a probability above 90 %"
