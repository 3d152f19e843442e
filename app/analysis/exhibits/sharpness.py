"""Table 3: how sharp the predictions of the checkpoints are."""

from matplotlib.figure import Figure

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Column, Drawing, Exhibit, Kind
from app.analysis.reported import REPORTED
from app.domain.scores import ScoreSummary
from metrics.plots.ranges import Panel, Range, ranges
from metrics.plots.style import Theme
from metrics.signature import Signature

NOT_SCORED = "No checkpoint has read the passages yet; start it on the study’s page, or by `toprank score`."

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
