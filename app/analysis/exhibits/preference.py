"""Table 1 and Table 4: what people prefer, by system and scenario, and by dataset."""

import numpy as np
from matplotlib.figure import Figure

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Cell, Column, Drawing, Exhibit, Kind
from app.analysis.preferences import DEFINITION, SystemResult
from app.analysis.reported import REPORTED
from metrics.intervals import Interval
from metrics.plots.heatmap import heatmap
from metrics.plots.ranges import Panel, Range, ranges
from metrics.plots.style import Theme
from metrics.preference import mean_over_datasets
from metrics.signature import Signature

_TABLE_1 = (
    Column("system", "System"),
    Column("scenario", "Tokens", Kind.COUNT),
    Column("preference_ratio", "Preferred or equal", Kind.SHARE),
    Column("interval", "Interval, these annotators", Kind.INTERVAL),
    Column("parity_line", "Parity", Kind.SHARE),
    Column("perplexity", "Perplexity", Kind.NUMBER),
    Column("ttr", "TTR", Kind.SHARE),
    Column("candidate", "Candidate", Kind.COUNT),
    Column("equal", "Equal", Kind.COUNT),
    Column("reference", "Original", Kind.COUNT),
    Column("n", "n", Kind.COUNT),
    Column("wanted", "Wanted", Kind.COUNT, in_paper=False),
    Column("ties_as_half", "Ties as half", Kind.SHARE, in_paper=False, on_page=False),
    Column("interval_method", "Method", in_paper=False, on_page=False),
    Column("new_annotators", "Interval, new annotators", Kind.INTERVAL, in_paper=False),
    Column("new_annotators_method", "Method", in_paper=False, on_page=False),
)


def table_1(evidence: Evidence) -> Exhibit:
    """System x scenario: preference with interval and parity, and TTR."""
    results = evidence.preferences
    return Exhibit(
        key="table-1",
        name="Table 1",
        title=_finding(results),
        caption="How often people prefer a system’s continuation to the original, or find both equally good.",
        columns=_TABLE_1,
        rows=(*(_table_1_row(evidence, result) for result in results), *_original_rows(evidence)),
        signatures=tuple(_signature(evidence, scenario, results) for scenario in evidence.scenarios),
        notes=_notes(results),
        reported=REPORTED["table-1"],
        missing=None if results else "This study has no system yet.",
        draw=_dots(results, evidence) if any(result.verdicts.n for result in results) else None,
    )


def table_4(evidence: Evidence) -> Exhibit:
    """System x dataset at 256 tokens: preference."""
    results = [result for result in evidence.preferences if result.scenario == 256]
    names = [dataset.name for dataset in evidence.datasets]
    return Exhibit(
        key="table-4",
        name="Table 4",
        title=_widest_gap(results),
        caption="Preferred or equally good at 256 tokens, by the dataset of the context.",
        columns=(
            Column("system", "System"),
            *(Column(name, name, Kind.SHARE) for name in names),
            Column("mean", "Mean", Kind.SHARE),
            *(Column(f"{name}_n", f"n, {name}", Kind.COUNT, in_paper=False) for name in names),
        ),
        rows=tuple(_table_4_row(result) for result in results),
        signatures=(_signature(evidence, 256, results),) if results else (),
        reported=REPORTED["table-4"],
        missing=None if results else "No system of this study is judged at 256 tokens.",
        draw=_map(results, names) if any(result.verdicts.n for result in results) else None,
    )


def said(interval: Interval | None) -> str:
    """An interval in words, for titles."""
    if interval is None:
        return "no interval yet"
    return f"interval {100 * interval.low:.0f}–{100 * interval.high:.0f} %"


def _table_1_row(evidence: Evidence, result: SystemResult) -> tuple[Cell, ...]:
    verdicts, these, new = result.verdicts, result.these_annotators, result.new_annotators
    return (
        result.system.name,
        result.scenario,
        result.preference_ratio,
        (these.low, these.high) if these and result.preference_ratio is not None else None,
        result.parity_line,
        evidence.perplexity_of(result.system),
        result.mean_ttr,
        verdicts.candidate,
        verdicts.equal,
        verdicts.reference,
        verdicts.n,
        result.wanted,
        result.ties_as_half,
        these.method if these else None,
        (new.low, new.high) if new and result.preference_ratio is not None else None,
        new.method if new else None,
    )


def _original_rows(evidence: Evidence) -> list[tuple[Cell, ...]]:
    """The TTR of the originals themselves, one row for each scenario."""
    rows: list[tuple[Cell, ...]] = []
    for scenario in evidence.scenarios:
        mean = mean_over_datasets(evidence.original_ttr.get((one.id, scenario)) for one in evidence.datasets)
        known: dict[str, Cell] = {"system": "original text", "scenario": scenario, "ttr": mean}
        rows.append(tuple(known.get(column.key) for column in _TABLE_1))
    return rows


def _table_4_row(result: SystemResult) -> tuple[Cell, ...]:
    ratios = (one.verdicts.preference_ratio for one in result.datasets)
    return (result.system.name, *ratios, result.preference_ratio, *(one.verdicts.n for one in result.datasets))


def _dots(results: list[SystemResult], evidence: Evidence) -> Drawing:
    """A panel for each scenario, a row for each system."""
    titles = {one: "whole images" if evidence.is_of_images else f"{one} tokens" for one in evidence.scenarios}
    names = list(dict.fromkeys(result.system.name for result in results))
    panels = {result.scenario: dict.fromkeys(names, Range(None)) for result in results}
    for result in results:
        these = result.these_annotators if result.preference_ratio is not None else None
        panels[result.scenario][result.system.name] = Range(
            result.preference_ratio,
            these.low if these else None,
            these.high if these else None,
            line=result.parity_line,
        )

    def draw(theme: Theme) -> Figure:
        drawn = [Panel(titles[scenario], {"": list(rows.values())}) for scenario, rows in panels.items()]
        unit = "share preferred or equal, 95 % interval"
        return ranges(names, drawn, unit=unit, theme=theme, limits=(0, 1))

    return draw


def _map(results: list[SystemResult], datasets: list[str]) -> Drawing:
    ratios = [
        [*(one.verdicts.preference_ratio for one in result.datasets), result.preference_ratio] for result in results
    ]
    values = np.array(ratios, dtype=np.float64)

    def draw(theme: Theme) -> Figure:
        systems = [result.system.name for result in results]
        return heatmap(values, systems, [*datasets, "mean"], unit="% preferred or equal at 256 tokens", theme=theme)

    return draw


def _finding(results: list[SystemResult]) -> str:
    """The system that is preferred most at the longest scenario, with its interval and how much of it was judged."""
    if not results:
        return "Nothing to judge yet"
    longest = max(result.scenario for result in results)
    judged = [one for one in results if one.scenario == longest and one.preference_ratio is not None]
    n, wanted = sum(one.verdicts.n for one in results), sum(one.wanted for one in results)
    progress = f"{n:,} of {wanted:,} annotations"
    if not judged:
        return f"Too early for a ratio: {progress}"
    best = max(judged, key=lambda one: one.preference_ratio or 0.0)
    return (
        f"{best.system.name} is preferred or equal most often at {longest} tokens: "
        f"{100 * (best.preference_ratio or 0.0):.0f} % "
        f"({best.verdicts.n:,} of {best.wanted:,} annotations, {said(best.these_annotators)})"
    )


def _widest_gap(results: list[SystemResult]) -> str:
    """The system whose datasets differ most, with what stands behind both ratios."""
    gaps = []
    for result in results:
        judged = [(ratio, one) for one in result.datasets if (ratio := one.verdicts.preference_ratio) is not None]
        if len(judged) > 1:
            (low, worst), (high, best) = (pick(judged, key=lambda pair: pair[0]) for pick in (min, max))
            gaps.append((high - low, result.system.name, best, worst))
    if not gaps:
        return "Too early to compare datasets"
    gap, system, best, worst = max(gaps, key=lambda found: found[0])
    return (
        f"The dataset matters most for {system}: {100 * gap:.0f} points between {best.dataset} (n = "
        f"{best.verdicts.n:,}) and {worst.dataset} (n = {worst.verdicts.n:,})"
    )


def _signature(evidence: Evidence, scenario: int, results: list[SystemResult]) -> str:
    n = sum(result.verdicts.n for result in results if result.scenario == scenario)
    return str(
        Signature(
            f"preference at {scenario}",
            DEFINITION,
            n=n,
            unit="annotations",
            window=f"TTR over {evidence.scenario_windows[scenario]}",
            seed=evidence.study.seed,
            tokenizer=evidence.tokenizer,
        )
    )


def _notes(results: list[SystemResult]) -> tuple[str, ...]:
    """What a reader has to know, systems with the same caveat in one line."""
    about: dict[str, list[str]] = {}
    for result in results:
        unjudged = [one.dataset for one in result.datasets if one.verdicts.n == 0]
        if unjudged and result.verdicts.n:
            about.setdefault(f": no ratio until {' and '.join(unjudged)} has annotations too", []).append(result.label)
        for interval in (result.these_annotators, result.new_annotators):
            if interval and interval.caveat:
                about.setdefault(f", {interval.population}: {interval.caveat}", []).append(result.label)
        if result.recalled:
            recalled = f": {result.recalled} continuations equal the original and are not judged"
            about.setdefault(recalled, []).append(result.label)
    everywhere = len([result for result in results if result.verdicts.n])
    return tuple(
        f"{'Every system' if len(labels) == everywhere else ', '.join(labels)}{caveat}."
        for caveat, labels in about.items()
    )
