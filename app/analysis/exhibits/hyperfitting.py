"""Figures 2 and 5 right: how hyperfitting goes, and what the number of training samples does."""

from matplotlib.figure import Figure
from sqlalchemy import text

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Cell, Column, Drawing, Exhibit, Kind
from app.analysis.reported import REPORTED
from metrics.plots.curves import Curve, curves
from metrics.plots.style import Theme
from metrics.signature import Signature
from metrics.ttr import FIRST_96

_POINTS = text("""
SELECT k.name, p.epoch, p.train_loss, p.validation_loss, p.ttr_first_96
FROM hyperfit_point p JOIN checkpoint k ON k.id = p.checkpoint_id
WHERE p.checkpoint_id IN (SELECT checkpoint_id FROM system WHERE study_id = :study)
ORDER BY k.id, p.update
""")
# Sample counts that share all other systems' decoding would be an experiment; here each greedy system is a point.
_SAMPLES = text("""
SELECT k.name, s.id, (r.config ->> 'samples')::int AS samples
FROM hyperfit_run r JOIN checkpoint k ON k.id = r.checkpoint_id JOIN system s ON s.checkpoint_id = k.id
WHERE s.study_id = :study AND s.strategy = 'greedy' AND r.config ? 'samples'
ORDER BY samples, s.id
""")
# The window at 128 tokens is the first 96.
FIRST_96_SCENARIO = 128

_FIGURE_2 = (
    Column("checkpoint", "Checkpoint"),
    Column("epoch", "Epoch", Kind.NUMBER, digits=2),
    Column("train_loss", "Training loss", Kind.NUMBER, digits=3),
    Column("validation_loss", "Validation loss", Kind.NUMBER, digits=3),
    Column("ttr", "TTR, first 96", Kind.SHARE),
)
_FIGURE_5_RIGHT = (
    Column("checkpoint", "Checkpoint"),
    Column("samples", "Training samples", Kind.COUNT),
    Column("ttr", "TTR, first 96", Kind.SHARE),
)


def figure_2(evidence: Evidence) -> Exhibit:
    """Training and validation loss beside the TTR of what is written from held-out contexts, by epoch."""
    points = evidence.session.execute(_POINTS, {"study": evidence.study.id}).all()
    rows: tuple[tuple[Cell, ...], ...] = tuple(tuple(point) for point in points)
    return Exhibit(
        key="figure-2",
        name="Figure 2",
        title=_lowest(rows),
        caption="Losses (nats) while a checkpoint is hyperfitted, and the TTR of its texts from held-out contexts.",
        columns=_FIGURE_2,
        rows=rows,
        signatures=(str(Signature("training curve", "held-out contexts", n=len(rows), unit="validations")),),
        missing=None if rows else "No checkpoint of this study was hyperfitted here.",
        draw=_curves(rows) if rows else None,
    )


def figure_5_right(evidence: Evidence) -> Exhibit:
    """TTR of the first 96 tokens by the number of samples that the checkpoint was hyperfitted on."""
    written = evidence.continuations
    rows: list[tuple[Cell, ...]] = []
    for name, system_id, samples in evidence.session.execute(_SAMPLES, {"study": evidence.study.id}):
        ttr = written.ttr[(written.system == system_id) & (written.scenario == FIRST_96_SCENARIO)]
        if len(ttr):
            rows.append((name, samples, float(ttr.mean())))
    return Exhibit(
        key="figure-5-right",
        name="Figure 5, right",
        title=_fewest(rows),
        caption="Mean TTR of the first 96 tokens of greedy continuations, by how many samples the checkpoint was "
        "hyperfitted on.",
        columns=_FIGURE_5_RIGHT,
        rows=tuple(rows),
        signatures=(str(Signature("TTR", "mean over texts", n=len(rows), unit="checkpoints", window=str(FIRST_96))),),
        reported=REPORTED["figure-5-right"],
        missing=None if rows else "No system at 128 tokens has a checkpoint that was hyperfitted here.",
        draw=_samples(rows) if rows else None,
    )


def _numbers(rows: list[tuple[Cell, ...]], at: int) -> list[float]:
    return [float(value) for row in rows if isinstance(value := row[at], int | float)]


def _curves(rows: tuple[tuple[Cell, ...], ...]) -> Drawing:
    names = list(dict.fromkeys(str(row[0]) for row in rows))

    def lines(name: str) -> list[Curve]:
        own = [row for row in rows if row[0] == name]
        drawn = []
        for at, what, right in ((2, "training loss", False), (3, "validation loss", False), (4, "TTR", True)):
            known = [row for row in own if isinstance(row[at], int | float)]
            label = what if len(names) == 1 else f"{name}: {what}"
            if known:
                drawn.append(Curve(label, _numbers(known, 1), _numbers(known, at), dots=True, right=right))
        return drawn

    def draw(theme: Theme) -> Figure:
        every = [line for name in names for line in lines(name)]
        return curves(every, x_unit="epoch", y_unit="loss (nats)", right_unit="TTR of the first 96 tokens", theme=theme)

    return draw


def _samples(rows: list[tuple[Cell, ...]]) -> Drawing:
    def draw(theme: Theme) -> Figure:
        line = Curve("", _numbers(rows, 1), _numbers(rows, 2), dots=True)
        unit = "training samples (log scale)"
        return curves(
            [line], x_unit=unit, y_unit="TTR of the first 96 tokens", theme=theme, logarithmic=True, limits=(0, 1)
        )

    return draw


def _lowest(rows: tuple[tuple[Cell, ...], ...]) -> str:
    known = [(row[2], row) for row in rows if isinstance(row[2], float)]
    if not known:
        return "Nothing is trained yet"
    loss, row = min(known, key=lambda pair: pair[0])
    ttr = f", with a TTR of {100 * row[4]:.0f} %" if isinstance(row[4], float) else ""
    return f"{row[0]} reaches a training loss of {loss:.3f} at a validation loss of {row[3]:.2f}{ttr}"


def _fewest(rows: list[tuple[Cell, ...]]) -> str:
    high = [(row[1], row[2]) for row in rows if isinstance(row[1], int) and isinstance(row[2], float) and row[2] > 0.5]
    if not rows:
        return "Nothing is trained yet"
    if not high:
        return "No number of samples brings the TTR above 50 %"
    fewest, ttr = min(high)
    return f"{fewest} samples are enough for a TTR of {100 * ttr:.0f} %"
