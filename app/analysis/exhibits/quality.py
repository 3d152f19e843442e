"""What the ratios rest on: agreement, position, order, exposure, and what skips and surplus could change."""

import numpy as np
from matplotlib.figure import Figure

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Cell, Column, Drawing, Exhibit, Kind
from app.analysis.preferences import SystemResult
from app.analysis.rows import REFERENCE, SKIPPED, SURPLUS, Answers
from metrics.agreement import fleiss_kappa, krippendorff_alpha, raw_agreement
from metrics.missing import missing
from metrics.plots.ranges import Panel, Range, ranges
from metrics.plots.style import Theme
from metrics.position import mean_of_order_strata, position_bias
from metrics.signature import Signature

_AGREEMENT = (
    Column("scenario", "Tokens"),
    Column("comparisons", "Comparisons", Kind.COUNT),
    Column("raw", "Raw agreement", Kind.SHARE),
    Column("alpha_nominal", "Alpha, nominal", Kind.NUMBER, digits=3),
    Column("alpha_ordinal", "Alpha, ordinal", Kind.NUMBER, digits=3),
    Column("kappa", "Fleiss’ kappa", Kind.NUMBER, digits=3),
    Column("first_share", "First, of those decided", Kind.SHARE),
    Column("first_interval", "Interval", Kind.INTERVAL),
    Column("n", "n", Kind.COUNT),
)

_UNEVEN = "Fleiss’ kappa needs the same number of annotations for every comparison, and is left out until then."

_ROBUSTNESS = (
    Column("system", "System"),
    Column("scenario", "Tokens", Kind.COUNT),
    Column("preference_ratio", "Preferred or equal", Kind.SHARE),
    Column("order_strata", "Mean of both orders", Kind.SHARE),
    Column("first_exposure", "First exposure only", Kind.SHARE),
    Column("first_exposure_n", "n of those", Kind.COUNT, in_paper=False),
    Column("skip_rate", "Skipped", Kind.SHARE),
    Column("skip_bounds", "Bounds by skips", Kind.INTERVAL),
    Column("surplus_rate", "Surplus", Kind.SHARE),
    Column("with_surplus", "With surplus", Kind.SHARE),
)


def agreement(evidence: Evidence) -> Exhibit:
    """How far annotators agree on a comparison, and whether the place of a text decides."""
    counted = each_once(evidence.counted)
    rows = [_agreement_row(str(one), counted.where(counted.scenario == one)) for one in evidence.scenarios]
    if len(rows) > 1:
        rows.append(_agreement_row("both", counted))
    return Exhibit(
        key="agreement",
        name="Agreement and position",
        title=_agreement_finding(rows),
        caption="Agreement of the annotators of a comparison (alpha and kappa: 1 is full, 0 is chance), and the share "
        "of first among verdicts that are not equal (50 % is no bias).",
        columns=_AGREEMENT,
        rows=tuple(rows),
        signatures=(str(Signature("agreement", "candidate, equal, reference", n=len(counted), unit="annotations")),),
        notes=(_UNEVEN,) if len(counted) and any(row[5] is None for row in rows) else (),
        missing=None if len(counted) else "No annotation counts yet.",
        draw=_position_dots(rows) if len(counted) else None,
    )


def robustness(evidence: Evidence) -> Exhibit:
    """The preference ratio beside what it would be by another way of counting."""
    rows = tuple(_robustness_row(evidence, result) for result in evidence.preferences if result.verdicts.n)
    return Exhibit(
        key="robustness",
        name="Robustness",
        title=_robustness_finding(rows),
        caption="All annotations of a system together, counted in other ways: by display order, only where the "
        "annotator met the passage for the first time, and with what was skipped or came too late.",
        columns=_ROBUSTNESS,
        rows=rows,
        signatures=(str(Signature("preference", "pooled over datasets", n=len(evidence.counted), unit="annotations")),),
        missing=None if rows else "No annotation counts yet.",
        draw=_robustness_dots(rows) if rows else None,
    )


def each_once(answers: Answers) -> Answers:
    """Without the copies of annotations that several systems share."""
    _, annotator = np.unique(answers.annotator, return_inverse=True)
    _, first = np.unique(answers.comparison * (len(answers) + 1) + annotator, return_index=True)
    return answers.where(np.sort(first))


def _agreement_row(scenario: str, answers: Answers) -> tuple[Cell, ...]:
    units, unit = np.unique(answers.comparison, return_inverse=True)
    counts = np.bincount(unit * 3 + answers.verdict, minlength=3 * len(units)).reshape(-1, 3)
    ratings = counts.sum(axis=1)
    is_even = len(units) > 0 and ratings.min() == ratings.max() and ratings[0] > 1
    decided = answers.where(answers.verdict != 1)
    is_first = (decided.verdict == REFERENCE) != (decided.candidate_first == 1)
    bias = position_bias(int(is_first.sum()), int((~is_first).sum()), len(answers) - len(decided))
    return (
        scenario,
        len(units),
        raw_agreement(counts),
        krippendorff_alpha(counts),
        krippendorff_alpha(counts, "ordinal"),
        fleiss_kappa(counts) if is_even else None,
        bias.share if bias else None,
        (bias.low, bias.high) if bias else None,
        len(answers),
    )


def _robustness_row(evidence: Evidence, result: SystemResult) -> tuple[Cell, ...]:
    every = evidence.answers.of(result.system.id, result.scenario)
    counted = evidence.counted.of(result.system.id, result.scenario)
    first = counted.where(counted.exposure <= 1).verdicts
    absent = missing(
        counted.verdicts,
        skipped=int((every.status == SKIPPED).sum()),
        surplus=every.where(every.status == SURPLUS).verdicts,
    )
    return (
        result.system.name,
        result.scenario,
        counted.verdicts.preference_ratio,
        mean_of_order_strata(*(counted.where(counted.candidate_first == one).verdicts for one in (1, 0))),
        first.preference_ratio,
        first.n,
        *((absent.skip_rate, (absent.low, absent.high), absent.surplus_rate, absent.with_surplus) if absent else ()),
    )


def _position_dots(rows: list[tuple[Cell, ...]]) -> Drawing:
    names = ["both lengths" if row[0] == "both" else f"{row[0]} tokens" for row in rows]
    values = []
    for row in rows:
        share, interval = row[6], row[7]
        low, high = interval if isinstance(interval, tuple) else (None, None)
        values.append(Range(share if isinstance(share, float) else None, low, high, line=0.5))

    def draw(theme: Theme) -> Figure:
        unit = "share of first among decided verdicts, 95 % interval"
        panels = [Panel("", {"": values})]
        return ranges(names, panels, unit=unit, theme=theme, line_name="no bias", limits=(0, 1))

    return draw


def _robustness_dots(rows: tuple[tuple[Cell, ...], ...]) -> Drawing:
    names = [f"{row[0]} ({row[1]})" for row in rows]
    ways = {"all annotations": 2, "mean of both orders": 3, "first exposure only": 4, "with surplus": 9}

    def draw(theme: Theme) -> Figure:
        series = {
            way: [Range(cell if isinstance(cell := row[at], float) else None) for row in rows]
            for way, at in ways.items()
        }
        return ranges(names, [Panel("", series)], unit="share preferred or equal", theme=theme)

    return draw


def _agreement_finding(rows: list[tuple[Cell, ...]]) -> str:
    alpha = rows[-1][4] if rows else None
    if not isinstance(alpha, float):
        return "Too early to speak of agreement"
    return f"Annotators agree with an ordinal alpha of {alpha:.2f}"


def _robustness_finding(rows: tuple[tuple[Cell, ...], ...]) -> str:
    moves = [
        abs(float(other) - float(plain))
        for _, _, plain, *others in rows
        for other in (others[0], others[1], others[6])
        if isinstance(other, float) and isinstance(plain, float)
    ]
    if not moves:
        return "Too early to count in other ways"
    return f"No other way of counting moves a ratio by more than {100 * max(moves):.1f} points"
