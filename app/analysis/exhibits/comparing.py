"""Is one system preferred more often than another? Paired on passages, and adjusted for asking many times."""

from functools import lru_cache

import numpy as np
from matplotlib.figure import Figure

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Cell, Column, Drawing, Exhibit, Kind
from app.analysis.preferences import RESAMPLES, SystemResult
from app.analysis.rows import Answers
from metrics.judgements import Judgements
from metrics.paired import PairedComparison, compare_paired, holm
from metrics.plots.ranges import Panel, Range, ranges
from metrics.plots.style import Theme
from metrics.signature import Signature

_COLUMNS = (
    Column("first", "System"),
    Column("second", "Against"),
    Column("scenario", "Tokens", Kind.COUNT),
    Column("difference", "Difference (points)", Kind.DIFFERENCE),
    Column("low", "from", Kind.DIFFERENCE),
    Column("high", "to", Kind.DIFFERENCE),
    Column("p", "p", Kind.P_VALUE, in_paper=False),
    Column("bootstrap_p", "p, bootstrap", Kind.P_VALUE, in_paper=False),
    Column("holm_p", "p, Holm", Kind.P_VALUE),
    Column("passages", "Passages", Kind.COUNT),
)
# Every pair of up to so many systems; beyond, each against the first, or the table says more than can be read.
ALL_PAIRS = 6
_PLANNED = "Planned: the protocol named these pairs before the study opened."
_EXPLORED = "Exploratory: the protocol named no pairs, so that these were chosen by no plan."


def paired_comparisons(evidence: Evidence) -> Exhibit:
    """Difference of preference ratios on shared passages, with exact and bootstrap p, adjusted by Holm over all."""
    pairs = [pair for scenario in evidence.scenarios for pair in _pairs(evidence, scenario)]
    compared = [(one, other, found) for one, other in pairs if (found := _compare(evidence, one, other))]
    adjusted = holm([found.exact_p for _, _, found in compared])
    rows = tuple(_row(*three, p) for three, p in zip(compared, adjusted, strict=True))
    return Exhibit(
        key="comparisons",
        name="Paired comparisons",
        title=_finding(compared, adjusted),
        caption="Difference of preference ratios on the passages that both systems have, mean over datasets, with its "
        "95 % interval; p of flipping the systems in each passage, adjusted by Holm for all rows.",
        columns=_COLUMNS,
        rows=rows,
        signatures=(
            str(
                Signature(
                    "paired difference",
                    f"exact sign flips by passage; bootstrap {RESAMPLES} resamples; Holm over {len(rows)}",
                    n=len(evidence.counted),
                    unit="annotations",
                    seed=evidence.study.seed,
                )
            ),
        ),
        notes=(_PLANNED if evidence.contrasts else _EXPLORED,) if rows else (),
        draw=_dots(compared) if rows else None,
        missing=None if rows else "No two systems have been judged on the same passage yet.",
    )


def _pairs(evidence: Evidence, scenario: int) -> list[tuple[SystemResult, SystemResult]]:
    """The contrasts that the protocol names; without any every pair, or each against the first."""
    inside = [result for result in evidence.preferences if result.scenario == scenario]
    if evidence.contrasts:
        named = {result.system.name: result for result in inside}
        return [(named[one], named[other]) for one, other in evidence.contrasts if one in named and other in named]
    if len(inside) > ALL_PAIRS:
        return [(result, inside[0]) for result in inside[1:]]
    return [(later, earlier) for number, later in enumerate(inside) for earlier in inside[:number]]


def _compare(evidence: Evidence, one: SystemResult, other: SystemResult) -> PairedComparison | None:
    sides = (evidence.counted.of(result.system.id, result.scenario) for result in (one, other))
    return _remembered(*(_as_bytes(side) for side in sides), evidence.study.seed)


def _as_bytes(answers: Answers) -> bytes:
    """Dataset, passage, annotator and verdict, which is all that the comparison depends on."""
    return np.stack([answers.dataset, answers.passage, answers.annotator, answers.verdict]).tobytes()


@lru_cache(maxsize=512)
def _remembered(one: bytes, other: bytes, seed: int) -> PairedComparison | None:
    return compare_paired(_judgements(one), _judgements(other), seed=seed, resamples=RESAMPLES)


def _judgements(columns: bytes) -> Judgements:
    dataset, passage, annotator, verdict = np.frombuffer(columns, np.int64).reshape(4, -1)
    return Judgements(dataset, passage, annotator, verdict != 2)


def _row(one: SystemResult, other: SystemResult, found: PairedComparison, p: float) -> tuple[Cell, ...]:
    return (
        one.system.name,
        other.system.name,
        one.scenario,
        found.difference,
        found.low,
        found.high,
        found.exact_p,
        found.bootstrap_p,
        p,
        found.passages,
    )


def _dots(compared: list[tuple[SystemResult, SystemResult, PairedComparison]]) -> Drawing:
    rows = [f"{one.system.name} - {other.system.name} ({one.scenario})" for one, other, _ in compared]
    values = [Range(found.difference, found.low, found.high, line=0.0) for _, _, found in compared]

    def draw(theme: Theme) -> Figure:
        unit = "difference of preference ratios, 95 % interval"
        return ranges(rows, [Panel("", {"": values})], unit=unit, theme=theme, line_name="no difference")

    return draw


def _finding(compared: list[tuple[SystemResult, SystemResult, PairedComparison]], adjusted: list[float]) -> str:
    if not compared:
        return "Too early to compare systems"
    told_apart = sum(p < 0.05 for p in adjusted)
    return f"{told_apart} of {len(compared)} pairs of systems can be told apart (Holm-adjusted p < 0.05)"
